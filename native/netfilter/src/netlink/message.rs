//! Messages, as bytes to send.

/// Bytes of `struct nlmsghdr` and `struct nfgenmsg`.
pub const HEADER: usize = 16;
pub const GENERIC: usize = 4;
/// The longest attribute: its length is a `u16`.
pub const LONGEST: usize = u16::MAX as usize;

pub const REQUEST: u16 = 0x1;
pub const ACK: u16 = 0x4;
pub const DUMP: u16 = 0x300;
pub const EXCLUSIVE: u16 = 0x200;
pub const CREATE: u16 = 0x400;
pub const APPEND: u16 = 0x800;

const NESTED: u16 = 0x8000;

/// Messages one after another, each with its own sequence number.
#[derive(Debug, Default)]
pub struct Messages {
    bytes: Vec<u8>,
    /// Where the last message starts.
    at: usize,
    last: u32,
}

/// An attribute that has been opened: where it starts.
#[derive(Debug)]
#[must_use]
pub struct Open(usize);

impl Messages {
    /// Begins a message. `kind`: its type with the subsystem; `resource`: of `nfgenmsg`. Gives its sequence number.
    pub fn begin(&mut self, kind: u16, flags: u16, family: u8, resource: u16) -> u32 {
        let [high, low] = resource.to_be_bytes();
        self.begin_with(kind, flags, &[family, 0, high, low])
    }

    /// The same for other protocols than netfilter's. `header`: what they have between `nlmsghdr` and the attributes.
    pub fn begin_with(&mut self, kind: u16, flags: u16, header: &[u8]) -> u32 {
        self.end();
        self.at = self.bytes.len();
        self.last += 1;
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((flags | REQUEST).to_ne_bytes());
        self.bytes.extend(self.last.to_ne_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(header);
        self.last
    }

    /// Asks the kernel to answer the message that was begun last.
    pub fn acknowledged(&mut self) {
        let flags = self.at + 6;
        let old = u16::from_ne_bytes([self.bytes[flags], self.bytes[flags + 1]]);
        self.bytes[flags..flags + 2].copy_from_slice(&(old | ACK).to_ne_bytes());
    }

    /// All messages.
    pub fn finish(mut self) -> Vec<u8> {
        self.end();
        self.bytes
    }

    fn end(&mut self) {
        if self.at < self.bytes.len() {
            let length = u32::try_from(self.bytes.len() - self.at).unwrap_or(u32::MAX);
            self.bytes[self.at..self.at + 4].copy_from_slice(&length.to_ne_bytes());
        }
    }

    pub fn put(&mut self, kind: u16, value: &[u8]) {
        put(&mut self.bytes, kind, value);
    }

    /// In the network's order, as netfilter wants its numbers.
    pub fn put_u32(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_be_bytes());
    }

    /// Ends with a zero byte, as the kernel wants its names.
    pub fn put_name(&mut self, kind: u16, name: &str) {
        put_name(&mut self.bytes, kind, name);
    }

    pub fn open(&mut self, kind: u16) -> Open {
        let at = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend((kind | NESTED).to_ne_bytes());
        Open(at)
    }

    pub fn close(&mut self, Open(at): Open) {
        close(&mut self.bytes, at);
    }

    /// Bytes of an attribute so far.
    pub fn length(&self, Open(at): &Open) -> usize {
        self.bytes.len() - at
    }

    /// Bytes that were made elsewhere: whole attributes.
    pub fn extend(&mut self, attributes: &[u8]) {
        self.bytes.extend(attributes);
    }
}

pub fn put(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

pub fn put_name(bytes: &mut Vec<u8>, kind: u16, name: &str) {
    let mut value = name.as_bytes().to_vec();
    value.push(0);
    put(bytes, kind, &value);
}

pub fn put_nested(bytes: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let at = bytes.len();
    bytes.extend([0; 2]);
    bytes.extend((kind | NESTED).to_ne_bytes());
    fill(bytes);
    close(bytes, at);
}

fn close(bytes: &mut [u8], at: usize) {
    let length = u16::try_from(bytes.len() - at).unwrap_or(u16::MAX);
    bytes[at..at + 2].copy_from_slice(&length.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::attributes::Attributes;

    #[test]
    fn messages_have_lengths_numbers_and_attributes_that_can_be_read() {
        let mut messages = Messages::default();
        assert_eq!(messages.begin(0x0a03, CREATE, 2, 10), 1);
        messages.put_name(1, "abc");
        let open = messages.open(2);
        messages.put_u32(3, 7);
        messages.close(open);
        assert_eq!(messages.begin(0x0a04, 0, 2, 0), 2);
        messages.acknowledged();
        let bytes = messages.finish();
        let first = u32::from_ne_bytes(bytes[..4].try_into().unwrap()) as usize;
        assert_eq!((first, bytes.len()), (20 + 8 + 12, first + 20));
        let body = Attributes(&bytes[HEADER + GENERIC..first]);
        assert_eq!(body.name(1).as_deref(), Some("abc"));
        assert_eq!(body.nested(2).and_then(|nested| nested.u32(3)), Some(7));
        assert_eq!(bytes[first + 6], (REQUEST | ACK) as u8);
    }
}
