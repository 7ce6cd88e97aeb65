//! The service-linked roles that AWS's services have: their names, their policies, and whether there may be several.
//!
//! The table is not complete; a service that is not in it gets a role that is named after it.

use std::sync::LazyLock;

/// The role of one service.
#[derive(Debug)]
pub(crate) struct ServiceLinked {
    /// The service's principal without its domain, such as `ops.apigateway`.
    service: &'static str,
    /// The name without `AWSServiceRoleFor`.
    pub name: &'static str,
    /// The AWS managed policy that is attached.
    pub policy: &'static str,
    /// Whether a service may have several such roles, told apart by a suffix.
    pub suffix: bool,
    pub description: Option<&'static str>,
}

static ROLES: LazyLock<Vec<ServiceLinked>> = LazyLock::new(|| {
    include_str!("service_linked.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut parts = line.splitn(5, ' ');
            Some(ServiceLinked {
                service: parts.next()?,
                name: parts.next()?,
                policy: parts.next()?,
                suffix: parts.next()? == "suffix",
                description: parts.next(),
            })
        })
        .collect()
});

/// The role of the service with this name, such as `ops.apigateway`.
pub(crate) fn of(service: &str) -> Option<&'static ServiceLinked> {
    ROLES.iter().find(|role| role.service == service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::managed;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_services_share_a_role() {
        assert!(ROLES.len() > 80);
        let services: BTreeSet<_> = ROLES.iter().map(|role| role.service).collect();
        let names: BTreeSet<_> = ROLES.iter().map(|role| role.name.to_lowercase()).collect();
        assert_eq!((services.len(), names.len()), (ROLES.len(), ROLES.len()));
    }

    #[test]
    fn their_policies_are_aws_s() {
        let known = |role: &&ServiceLinked| {
            managed::by_arn("aws", &format!("arn:aws:iam::aws:policy/aws-service-role/{}", role.policy)).is_none()
        };
        let unknown: Vec<_> = ROLES.iter().filter(known).map(|role| role.service).collect();
        assert_eq!(unknown, ["lex"], "the catalogue of managed policies lacks that of the old Lex");
    }
}
