//! Netlink to the kernel: nftables' transactions, the table of flows, virtual servers, links and addresses. The layout of messages is that of the kernel's
//! `include/uapi/linux/netlink.h` and `linux/netfilter/nfnetlink.h`.

pub mod attributes;
pub mod flows;
pub mod message;
pub mod socket;
