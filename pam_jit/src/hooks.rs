//! libpam's entry points.

use std::ffi::CStr;

use pam::constants::{PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};

use crate::verdict::Stage;
use crate::visit;

pub(crate) struct PamJit;

pam::pam_hooks!(PamJit);

/// Flags are not looked at: `PAM_SILENT`, which sudo always sets, would hide
/// from a refused person why (FACTS 11); the argument `quiet` is there for that.
impl PamHooks for PamJit {
    fn sm_authenticate(pamh: &mut PamHandle, args: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        visit::decide(Stage::Auth, pamh, &args)
    }

    fn acct_mgmt(pamh: &mut PamHandle, args: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        visit::decide(Stage::Account, pamh, &args)
    }

    /// We have no credentials to set, and say so with success: where this is the
    /// only auth module, anything else makes su fail.
    fn sm_setcred(_: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        PamResultCode::PAM_SUCCESS
    }

    fn sm_open_session(pamh: &mut PamHandle, args: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        visit::decide(Stage::Session, pamh, &args)
    }

    /// systemd knows better when nothing of a session is left than the program that opened it.
    fn sm_close_session(_: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        PamResultCode::PAM_SUCCESS
    }

    fn sm_chauthtok(_: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        PamResultCode::PAM_IGNORE
    }
}
