//! Users of basic authentication, in the formats of htpasswd: bcrypt, MD5 of Apache and of crypt, SHA-1.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use ring::hmac;

use crate::objects::Secret;

/// Pairs that were right and are not computed again: bcrypt takes long by intent.
const REMEMBERED: usize = 4096;

/// Each step doubles the time: 14 takes about a second.
const BCRYPT_COST: u32 = 14;
/// Longest password; what is longer is wrong.
const PASSWORD: usize = 1024;

#[derive(Debug)]
pub struct Users {
    hashes: HashMap<String, String>,
    right: Mutex<HashSet<[u8; 32]>>,
    key: hmac::Key,
}

impl PartialEq for Users {
    fn eq(&self, other: &Self) -> bool {
        self.hashes == other.hashes
    }
}

impl Users {
    /// `map`: each key of the Secret is a user. Otherwise `auth` has a line `user:hash` for each.
    pub fn read(secret: &Secret, map: bool) -> Result<Self, String> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned());
        let mut hashes = HashMap::new();
        if map {
            for user in secret.data.keys() {
                let hash = text(secret.bytes(user).ok_or("is not base64")?)?;
                hashes.insert(user.clone(), hash.trim().to_owned());
            }
        } else {
            let file = text(secret.bytes("auth").ok_or("has no key auth")?)?;
            let lines = file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            for (user, hash) in lines.filter_map(|line| line.split_once(':')) {
                // What follows a further colon is a comment.
                hashes.insert(user.to_owned(), hash.split(':').next().unwrap_or_default().to_owned());
            }
        }
        if hashes.is_empty() {
            return Err("has no users".into());
        }
        if let Some(user) = hashes.iter().find(|(_, hash)| !is_known(hash)).map(|(user, _)| user) {
            return Err(format!(
                "has a user {user:?} whose hash is neither bcrypt (up to cost {BCRYPT_COST}), MD5 (apr1) nor SHA-1"
            ));
        }
        let random = ring::rand::SystemRandom::new();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &random).map_err(|_| "no random numbers")?;
        Ok(Users { hashes, right: Mutex::default(), key })
    }

    /// The user, and the token under which a right pair is remembered.
    pub fn credentials(header: &str) -> Option<(String, String)> {
        let (scheme, rest) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':').filter(|(_, password)| password.len() <= PASSWORD)?;
        Some((user.to_owned(), password.to_owned()))
    }

    fn token(&self, user: &str, password: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.key, format!("{}:{user}:{password}", user.len()).as_bytes());
        tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    pub fn remembers(&self, user: &str, password: &str) -> bool {
        self.right.lock().expect("no poisoned lock").contains(&self.token(user, password))
    }

    /// Takes long with bcrypt: for a thread that may block.
    pub fn verify(&self, user: &str, password: &str) -> bool {
        let right = match self.hashes.get(user) {
            Some(hash) => verify(hash, password),
            None => false,
        };
        if right {
            let mut remembered = self.right.lock().expect("no poisoned lock");
            if remembered.len() >= REMEMBERED {
                remembered.clear();
            }
            remembered.insert(self.token(user, password));
        }
        right
    }
}

fn is_bcrypt(hash: &str) -> bool {
    ["$2y$", "$2a$", "$2b$"].iter().any(|start| hash.starts_with(start))
}

fn is_known(hash: &str) -> bool {
    if is_bcrypt(hash) {
        let cost = hash[4..].split('$').next().and_then(|cost| cost.parse::<u32>().ok());
        return cost.is_some_and(|cost| cost <= BCRYPT_COST);
    }
    ["$apr1$", "$1$", "{SHA}"].iter().any(|start| hash.starts_with(start))
}

fn verify(hash: &str, password: &str) -> bool {
    if is_bcrypt(hash) {
        return bcrypt::verify(password, hash).unwrap_or(false);
    }
    if let Some(expected) = hash.strip_prefix("{SHA}") {
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        return same(expected.as_bytes(), STANDARD.encode(digest).as_bytes());
    }
    for magic in ["$apr1$", "$1$"] {
        if let Some((salt, _)) = hash.strip_prefix(magic).and_then(|rest| rest.split_once('$')) {
            return same(hash.as_bytes(), md5_crypt(magic, salt, password).as_bytes());
        }
    }
    false
}

/// Without telling by its time how much was right.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// The MD5 scheme of crypt(3); Apache's has another magic.
fn md5_crypt(magic: &str, salt: &str, password: &str) -> String {
    let password = password.as_bytes();
    let salt = &salt.as_bytes()[..salt.len().min(8)];
    let inner: [u8; 16] = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize().into();
    let mut outer = Md5::new().chain_update(password).chain_update(magic).chain_update(salt);
    for start in (0..password.len()).step_by(16) {
        outer.update(&inner[..(password.len() - start).min(16)]);
    }
    let mut bits = password.len();
    while bits > 0 {
        outer.update(if bits & 1 == 1 { &[0] } else { &password[..1] });
        bits >>= 1;
    }
    let mut result: [u8; 16] = outer.finalize().into();
    for round in 0..1000 {
        let mut digest = Md5::new();
        if round % 2 == 1 {
            digest.update(password)
        } else {
            digest.update(result)
        }
        if round % 3 != 0 {
            digest.update(salt);
        }
        if round % 7 != 0 {
            digest.update(password);
        }
        if round % 2 == 1 {
            digest.update(result)
        } else {
            digest.update(password)
        }
        result = digest.finalize().into();
    }
    format!("{magic}{}${}", String::from_utf8_lossy(salt), encoded(&result))
}

fn encoded(digest: &[u8; 16]) -> String {
    const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let groups = [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)];
    let mut text = String::with_capacity(22);
    let mut push = |mut value: u32, count: usize| {
        for _ in 0..count {
            text.push(LETTERS[(value & 63) as usize] as char);
            value >>= 6;
        }
    };
    for (high, middle, low) in groups {
        push(u32::from(digest[high]) << 16 | u32::from(digest[middle]) << 8 | u32::from(digest[low]), 4);
    }
    push(u32::from(digest[11]), 2);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(data: &[(&str, &str)]) -> Secret {
        let data = data.iter().map(|(name, value)| ((*name).to_owned(), STANDARD.encode(value)));
        Secret { data: data.collect(), ..Secret::default() }
    }

    /// Made with `htpasswd` and `openssl passwd`.
    #[test]
    fn formats_of_htpasswd() {
        for (hash, password) in [
            ("$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", "secret"),
            ("$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1", "secret"),
            ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"),
        ] {
            assert!(verify(hash, password), "{hash}");
            assert!(!verify(hash, "Secret"), "{hash}");
        }
        let hash = bcrypt::hash("secret", 4).unwrap().replacen("$2b$", "$2y$", 1);
        assert!(verify(&hash, "secret") && !verify(&hash, "other"));
        assert!(!verify("secret", "secret") && !verify("", ""));
    }

    #[test]
    fn a_file_or_a_map_of_users() {
        let line = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
        let file = Users::read(&secret(&[("auth", &format!("# users\nann:{line}\nbob:{line}:comment\n"))]), false);
        let file = file.unwrap();
        assert!(file.verify("ann", "secret") && file.verify("bob", "secret"));
        assert!(!file.verify("ann", "x") && !file.verify("eve", "secret"));
        assert!(file.remembers("ann", "secret") && !file.remembers("ann", "x"));
        let map = Users::read(&secret(&[("ann", line)]), true).unwrap();
        assert!(map.verify("ann", "secret"));
        for (data, map, why) in [
            (vec![("other", "x")], false, "has no key auth"),
            (vec![("auth", "")], false, "has no users"),
            (vec![("auth", "ann:$2y$15$abcdefghijklmnopqrstuu")], false, "has a user \"ann\" whose hash"),
            (vec![("auth", "ann:plain")], false, "has a user \"ann\" whose hash"),
        ] {
            assert!(Users::read(&secret(&data), map).unwrap_err().contains(why), "{why}");
        }
    }

    #[test]
    fn credentials_of_a_request() {
        let basic = |text: &str| Users::credentials(&format!("Basic {}", STANDARD.encode(text)));
        assert_eq!(basic("ann:a:b"), Some(("ann".into(), "a:b".into())));
        assert_eq!(basic("ann"), None);
        assert!(basic(&format!("ann:{}", "x".repeat(1024))).is_some());
        assert_eq!(basic(&format!("ann:{}", "x".repeat(1025))), None);
        assert_eq!(Users::credentials("Bearer x"), None);
        assert_eq!(Users::credentials("basic !!"), None);
    }
}
