//! `pam_time FOLDER SERVICE USER`: asks libpam once, in a process of its own,
//! whether USER's account may use SERVICE, which is configured in FOLDER.
//! Prints libpam's answer (0: yes) and how long it took in nanoseconds, from
//! before `pam_start` to after `pam_end`: loading the modules is part of it.
#![allow(
    unsafe_code,
    reason = "the one place of the benchmark that calls libpam"
)]
#![allow(clippy::print_stdout, reason = "the answer is what it is for")]

use std::env;
use std::error::Error;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::time::Instant;

/// `PAM_CONV_ERR` of `security/_pam_types.h`.
const CONVERSATION_FAILED: c_int = 19;

#[repr(C)]
struct Conversation {
    converse: extern "C" fn(c_int, *const c_void, *mut c_void, *mut c_void) -> c_int,
    appdata: *mut c_void,
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        folder: *const c_char,
        handle: *mut *mut c_void,
    ) -> c_int;
    fn pam_acct_mgmt(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_end(handle: *mut c_void, status: c_int) -> c_int;
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<CString> = env::args()
        .skip(1)
        .map(CString::new)
        .collect::<Result<_, _>>()?;
    let [folder, service, user] = &words[..] else {
        return Err("say: pam_time FOLDER SERVICE USER".into());
    };
    let conversation = Conversation {
        converse,
        appdata: ptr::null_mut(),
    };
    let mut handle = ptr::null_mut();
    let before = Instant::now();
    // SAFETY: every pointer is valid until after the handle is ended; without a
    // success of pam_start_confdir there is no handle and nothing is done with it.
    let answer = unsafe {
        let started = pam_start_confdir(
            service.as_ptr(),
            user.as_ptr(),
            &raw const conversation,
            folder.as_ptr(),
            &raw mut handle,
        );
        if started == 0 {
            let answer = pam_acct_mgmt(handle, 0);
            pam_end(handle, answer);
            answer
        } else {
            started
        }
    };
    println!("{answer} {}", before.elapsed().as_nanos());
    Ok(())
}

/// Nobody is there to be spoken with.
extern "C" fn converse(
    _count: c_int,
    _messages: *const c_void,
    _responses: *mut c_void,
    _appdata: *mut c_void,
) -> c_int {
    CONVERSATION_FAILED
}
