//! Netlink to netfilter: nftables' transactions and the table of flows. The layout of messages is that of the kernel's
//! `include/uapi/linux/netlink.h` and `linux/netfilter/nfnetlink.h`.

pub mod attributes;
pub mod flows;
pub mod message;
pub mod socket;
