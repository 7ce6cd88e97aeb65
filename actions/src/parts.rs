//! The parts of a containment: which are left out, and what survives for it.
//!
//! Refuses to call a containment whole, or one at all, from which parts were left out.

use crate::outcome::Failure;
use crate::parameters::Parameters;

/// What was asked for of a containment.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The parts that were left out, each with what survives.
    pub left_out: Vec<(&'static str, &'static str)>,
    all: usize,
}

impl Parts {
    /// The parts, by the flags of the parameter set; each is named with what survives where it is left out.
    pub fn of(p: &Parameters, parts: &[(&'static str, &'static str)]) -> Self {
        let left_out = parts.iter().filter(|(flag, _)| !p.flag(flag)).copied().collect();
        Self { left_out, all: parts.len() }
    }

    /// Why nothing is to be done at all, if so.
    pub fn refusal(&self) -> Option<Failure> {
        let names: Vec<_> = self.left_out.iter().map(|(flag, _)| *flag).collect();
        (names.len() == self.all).then(|| {
            Failure::Invalid(format!(
                "{} are all false: nothing would be contained. Leave one of them out",
                names.join(", ")
            ))
        })
    }

    /// What to say of the success.
    pub fn words(&self) -> String {
        if self.left_out.is_empty() {
            return "contained successfully".to_owned();
        }
        let names: Vec<_> = self.left_out.iter().map(|(flag, _)| flag.replace('_', " ")).collect();
        format!("contained in part, without: {}", names.join(", "))
    }
}
