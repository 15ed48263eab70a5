//! The freshly built module on the real libpam, with service files in a
//! temporary folder. Nothing of the host's own PAM is read or written.
#![allow(unsafe_code, reason = "the one place of these tests that calls libpam")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use nix::unistd::{Gid, Group, Uid, User};

/// Results of libpam, as in `security/_pam_types.h`.
pub(crate) const SUCCESS: c_int = 0;
pub(crate) const PERM_DENIED: c_int = 6;
pub(crate) const AUTH_ERR: c_int = 7;
pub(crate) const CRED_INSUFFICIENT: c_int = 8;
pub(crate) const USER_UNKNOWN: c_int = 10;

const ERROR_MSG: c_int = 3;
const CONV_ERR: c_int = 19;

/// The module, built as it is delivered: alone, so that no other crate's
/// features are in it.
pub(crate) fn module() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--lib", "--package", "pam_jit"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "{build:?}");
    });
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    profile.join("libpam_jit.so")
}

/// Somebody who is not root, and the name of their primary group. When root runs
/// the tests, PAM's user is who it is about; otherwise the real uid is too.
pub(crate) fn somebody() -> (String, String) {
    let real = Uid::current();
    let user = if real.is_root() {
        User::from_name("nobody").unwrap().unwrap()
    } else {
        User::from_uid(real).unwrap().unwrap()
    };
    let group = Group::from_gid(user.gid).unwrap().unwrap();
    (user.name, group.name)
}

/// A group that exists and that `somebody` is not in.
pub(crate) fn a_foreign_group() -> String {
    let (user, _) = somebody();
    let user = User::from_name(&user).unwrap().unwrap();
    let name = CString::new(user.name).unwrap();
    let own = nix::unistd::getgrouplist(&name, user.gid).unwrap();
    let foreign = (0..1000).map(Gid::from_raw).find_map(|gid| {
        let group = Group::from_gid(gid).unwrap()?;
        (!own.contains(&gid)).then_some(group.name)
    });
    foreign.expect("a group")
}

/// One PAM service with a stack of the given lines. `MODULE` in them is ours.
pub(crate) struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    /// The service is `scene`: a name that no host has.
    pub(crate) fn new(lines: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let module = module().display().to_string();
        let mut file = String::new();
        for line in lines {
            writeln!(file, "{}", line.replace("MODULE", &module)).unwrap();
        }
        std::fs::write(folder.path().join("scene"), file).unwrap();
        Self { folder }
    }

    #[must_use]
    pub(crate) fn authenticate(&self, user: Option<&str>) -> Outcome {
        self.call(user, pam_authenticate)
    }

    #[must_use]
    pub(crate) fn account(&self, user: &str) -> Outcome {
        self.call(Some(user), pam_acct_mgmt)
    }

    #[must_use]
    pub(crate) fn setcred(&self, user: &str) -> Outcome {
        self.call(Some(user), pam_setcred)
    }

    #[must_use]
    pub(crate) fn open_and_close(&self, user: &str) -> [Outcome; 2] {
        [pam_open_session, pam_close_session].map(|stage| self.call(Some(user), stage))
    }

    fn call(
        &self,
        user: Option<&str>,
        stage: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    ) -> Outcome {
        let user = user.map(|user| CString::new(user).unwrap());
        let folder = CString::new(self.folder.path().to_str().unwrap()).unwrap();
        let mut told: Vec<String> = Vec::new();
        let conversation = Conversation {
            converse,
            appdata: (&raw mut told).cast(),
        };
        let mut handle = std::ptr::null_mut();
        // SAFETY: every pointer outlives the handle, which is ended below; the
        // conversation gets back the `told` it was given.
        let code = unsafe {
            let started = pam_start_confdir(
                c"scene".as_ptr(),
                user.as_ref().map_or(std::ptr::null(), |user| user.as_ptr()),
                &raw const conversation,
                folder.as_ptr(),
                &raw mut handle,
            );
            assert_eq!(started, SUCCESS);
            let code = stage(handle, 0);
            pam_end(handle, code);
            code
        };
        Outcome { code, told }
    }
}

/// What the program saw of a stage.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: c_int,
    pub(crate) told: Vec<String>,
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
    fn pam_setcred(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_open_session(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_close_session(handle: *mut c_void, flags: c_int) -> c_int;
}

unsafe extern "C" {
    fn calloc(count: usize, size: usize) -> *mut c_void;
}

/// Keeps what is told; has no answer to a question.
unsafe extern "C" fn converse(
    count: c_int,
    messages: *const *const Message,
    responses: *mut *mut Response,
    appdata: *mut c_void,
) -> c_int {
    // SAFETY: libpam passes `count` messages, the `appdata` given to it (a
    // `Vec<String>` that outlives the handle), and takes over what is allocated
    // with malloc.
    unsafe {
        let told = &mut *appdata.cast::<Vec<String>>();
        for index in 0..usize::try_from(count).unwrap() {
            let message = &**messages.add(index);
            if message.style != ERROR_MSG {
                return CONV_ERR;
            }
            told.push(CStr::from_ptr(message.text).to_str().unwrap().to_owned());
        }
        *responses = calloc(usize::try_from(count).unwrap(), size_of::<Response>()).cast();
    }
    SUCCESS
}
