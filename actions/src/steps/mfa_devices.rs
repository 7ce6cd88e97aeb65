//! A user's MFA devices: none active, and no virtual device left behind.
//!
//! A virtual device that is only deactivated blocks a new enrolment under its name, so it is deleted; a hardware device
//! or passkey can only be deactivated. Source: AWS API reference, `DeactivateMFADevice`, `DeleteVirtualMFADevice`.

use crate::change::{Change, Reversal};
use crate::reader::Reader;
use crate::step::{Look, Reach, Seen, Step};
use crate::target::Target;
use awsiam_iam::Error;
use awsiam_iam::types::{
    DeactivateMFADevice, DeleteVirtualMFADevice, ListMFADevices, ListVirtualMFADevices, MFADevice,
};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// No device is active.
#[derive(Debug)]
pub struct Inactive;

/// The user's virtual devices are deleted.
#[derive(Debug, Default)]
pub struct VirtualAbsent {
    /// What was seen to be the user's: once deactivated, a device no longer says whose it was.
    mine: Mutex<BTreeSet<String>>,
}

/// No device is active.
#[must_use]
pub fn inactive() -> Inactive {
    Inactive
}

/// The user's virtual devices are deleted; after [`inactive`], in a later stage.
#[must_use]
pub fn virtual_absent() -> VirtualAbsent {
    VirtualAbsent::default()
}

/// Serials of virtual devices are ARNs `…:mfa/NAME`; hardware serials are not ARNs, passkeys are `…:u2f/…`.
fn is_virtual(serial: &str) -> bool {
    serial.starts_with("arn:") && serial.splitn(6, ':').nth(5).is_some_and(|resource| resource.starts_with("mfa/"))
}

async fn read(reader: &Reader, target: &Target) -> Result<Vec<MFADevice>, Error> {
    let request = ListMFADevices { user_name: target.name.clone(), ..ListMFADevices::default() };
    Ok(reader.list(&request).await?.data.mfa_devices)
}

impl Step for Inactive {
    type State = Vec<MFADevice>;

    fn name(&self) -> &'static str {
        "mfa_devices"
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        read(reader, &look.target).await
    }

    fn plan(&self, seen: &Seen<Self::State>, look: &Look) -> Vec<Change> {
        let devices = seen.state().map(Vec::as_slice).unwrap_or_default();
        let deactivate = |device: &MFADevice| {
            let serial = &device.serial_number;
            let request = DeactivateMFADevice { user_name: look.target.name.clone(), serial_number: serial.clone() };
            let reversal = Reversal::Irreversible { why: "its owner has to enrol it again with two codes" };
            Change::new(&request, format!("deactivate MFA device {serial}"), format!("MFA device {serial}"), reversal)
                .removal()
        };
        devices.iter().map(deactivate).collect()
    }
}

impl Step for VirtualAbsent {
    type State = Vec<String>;

    fn name(&self) -> &'static str {
        "virtual_mfa_devices"
    }

    fn reach(&self) -> Reach {
        Reach::Outlives
    }

    async fn observe(&self, reader: &Reader, look: &Look) -> Result<Self::State, Error> {
        let known: BTreeSet<String> = {
            let mut mine = self.mine.lock().unwrap_or_else(PoisonError::into_inner);
            mine.extend(look.recalled.texts(self.name()));
            mine.clone()
        };
        let active: Vec<String> = if look.gone {
            vec![]
        } else {
            let devices = read(reader, &look.target).await?;
            devices.into_iter().map(|device| device.serial_number).collect()
        };
        let mut serials: BTreeSet<String> = active.into_iter().filter(|serial| is_virtual(serial)).collect();
        self.mine.lock().unwrap_or_else(PoisonError::into_inner).extend(serials.iter().cloned());
        if !known.is_empty() {
            let request = ListVirtualMFADevices {
                assignment_status: Some("Unassigned".to_owned()),
                ..ListVirtualMFADevices::default()
            };
            let left = reader.list(&request).await?.data.virtual_mfa_devices;
            serials.extend(left.into_iter().map(|device| device.serial_number).filter(|serial| known.contains(serial)));
        }
        Ok(serials.into_iter().collect())
    }

    fn plan(&self, seen: &Seen<Self::State>, _: &Look) -> Vec<Change> {
        let serials = seen.state().map(Vec::as_slice).unwrap_or_default();
        let delete = |serial: &String| {
            let reversal = Reversal::Irreversible { why: "its seed cannot be read back" };
            let request = DeleteVirtualMFADevice { serial_number: serial.clone() };
            let about = format!("virtual MFA device {serial}");
            Change::new(&request, format!("delete virtual MFA device {serial}"), about, reversal).removal()
        };
        serials.iter().map(delete).collect()
    }
}
