//! libpam itself, with its files in a temporary folder: nothing of the host's own PAM is read or
//! written.
#![allow(unsafe_code, reason = "the one place of these tests that calls libpam")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fs;
use std::sync::OnceLock;

use jitctl::pam::Stage;
use tempfile::TempDir;

use crate::texts::Texts;

pub struct Folder {
    folder: TempDir,
    path: String,
}

impl Folder {
    pub fn new() -> Self {
        // Short, so that lines stay so.
        let folder = tempfile::Builder::new().prefix("p").tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        Self { folder, path }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// These files and no others.
    pub fn write(&self, texts: &Texts) {
        for old in fs::read_dir(self.folder.path()).unwrap() {
            fs::remove_file(old.unwrap().path()).unwrap();
        }
        for (name, text) in texts.iter() {
            fs::write(self.folder.path().join(name), text).unwrap();
        }
    }

    /// What comes of a stage of the service `scene`, and what modules said meanwhile.
    pub fn ask(&self, stage: Stage) -> (u8, Vec<String>) {
        let call = match stage {
            Stage::Auth => pam_authenticate,
            Stage::Account => pam_acct_mgmt,
            Stage::Session => pam_open_session,
            Stage::Password => panic!("not tried"),
        };
        let folder = CString::new(self.path()).unwrap();
        let mut told: Vec<String> = Vec::new();
        let conversation = Conversation {
            converse,
            appdata: (&raw mut told).cast(),
        };
        let mut handle = std::ptr::null_mut();
        // SAFETY: every pointer outlives the handle, which is ended below; the conversation gets
        // back the `told` that it was given.
        let code = unsafe {
            let started = pam_start_confdir(
                c"scene".as_ptr(),
                c"nobody".as_ptr(),
                &raw const conversation,
                folder.as_ptr(),
                &raw mut handle,
            );
            if started == 0 {
                let code = call(handle, 0);
                pam_end(handle, code);
                code
            } else {
                started
            }
        };
        (u8::try_from(code).unwrap(), told)
    }
}

/// How this machine's libpam puts lines together, by trial.
pub fn is_from_1_7() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let folder = Folder::new();
        let text = "auth \\\n# ends it from 1.7 on\n required pam_permit.so\n";
        fs::write(folder.folder.path().join("scene"), text).unwrap();
        folder.ask(Stage::Auth).0 != 0
    })
}

#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

#[repr(C)]
struct Response {
    text: *mut c_char,
    code: c_int,
}

#[repr(C)]
struct Conversation {
    converse: unsafe extern "C" fn(
        c_int,
        *const *const Message,
        *mut *mut Response,
        *mut c_void,
    ) -> c_int,
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
    fn pam_end(handle: *mut c_void, status: c_int) -> c_int;
    fn pam_authenticate(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_open_session(handle: *mut c_void, flags: c_int) -> c_int;
}

unsafe extern "C" {
    fn calloc(count: usize, size: usize) -> *mut c_void;
}

/// Keeps what is said.
unsafe extern "C" fn converse(
    count: c_int,
    messages: *const *const Message,
    responses: *mut *mut Response,
    appdata: *mut c_void,
) -> c_int {
    // SAFETY: libpam passes `count` messages, the `appdata` given to it (a `Vec<String>` that
    // outlives the handle), and takes over what is allocated with malloc.
    unsafe {
        let told = &mut *appdata.cast::<Vec<String>>();
        for index in 0..usize::try_from(count).unwrap() {
            let message = &**messages.add(index);
            told.push(CStr::from_ptr(message.text).to_str().unwrap().to_owned());
        }
        *responses = calloc(usize::try_from(count).unwrap(), size_of::<Response>()).cast();
    }
    0
}
