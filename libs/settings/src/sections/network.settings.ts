import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { nthAddress, parseCidr, parseDuration } from '#apimachinery';
import {
  EachItem,
  IsAddress,
  IsApartFrom,
  IsDnsName,
  IsIpv4FirstRanges,
  IsOneOf,
  IsPort,
  IsSwitch,
  IsWhole,
  Parses,
} from '../constraints.js';
import { checkPodRange, parsePortRange, splitServiceRanges } from '../formats/address-ranges.js';
import { NumberSetting, SwitchSetting, TextSetting } from '../setting.js';

/** Milliseconds that every kernel takes: ip_vs_ctl.c counts in ticks, of which there are at most 1000 in a second. */
const LONGEST_TIMEOUT = 2_147_483_000;

/** The message for negative ones is the reference's. */
function checkTimeout(text: string): void {
  const milliseconds = parseDuration(text);
  if (milliseconds < 0) throw new Error('must be greater than or equal to 0');
  if (milliseconds > LONGEST_TIMEOUT) throw new Error('must be less than or equal to 596h31m23s');
}

/** How others reach the API. */
export class ApiSettings {
  @IsAddress()
  @TextSetting({
    help: 'address that the API listens on',
    argument: 'IP',
    default: '0.0.0.0',
    programs: { up: true, server: true },
  })
  bindAddress!: string;

  @IsPort(0, { groups: ['server'] })
  @IsPort(1, { groups: ['up'] })
  @NumberSetting({ help: 'port of the API', argument: 'PORT', default: 6443, programs: { up: true, server: true } })
  securePort!: number;

  @IsAddress()
  @TextSetting({
    help: 'address by which others reach the API',
    argument: 'IP',
    otherwise: { up: 'that of --node-ip', server: 'the first that is not loopback' },
    programs: { up: true, server: true },
  })
  advertiseAddress?: string;

  @IsSwitch()
  @SwitchSetting({
    help: 'divide the server among users by FlowSchemas and PriorityLevelConfigurations',
    default: true,
    programs: { up: true, server: true },
  })
  enablePriorityAndFairness!: boolean;

  @IsWhole(0)
  @NumberSetting({
    help: 'reads under way at a time; with priority and fairness, seats of the server beside those for writes',
    argument: 'NUMBER',
    default: 400,
    programs: { up: true, server: true },
  })
  maxRequestsInflight!: number;

  @IsWhole(0)
  @NumberSetting({
    help: 'writes under way at a time; with priority and fairness, seats of the server beside those for reads',
    argument: 'NUMBER',
    default: 200,
    programs: { up: true, server: true },
  })
  maxMutatingRequestsInflight!: number;
}

/** Addresses and names that pods and Services have. */
export class NetworkSettings {
  @IsApartFrom('serviceClusterIpRange', 'service-cluster-ip-range', { groups: ['up'] })
  @IsIpv4FirstRanges(8, 24, '10.244.0.0/16', { groups: ['up'] }, { from: 48, to: 64, example: 'fd00:10:244::/56' })
  @Parses(checkPodRange, { groups: ['server', 'agent'] })
  @TextSetting({
    help: 'addresses of pods: a range of IPv4, after a comma one of IPv6',
    argument: 'CIDR[,CIDR]',
    default: '10.244.0.0/16',
    normal: canonicalRanges,
    programs: { up: true, server: true, agent: true, dns: true },
  })
  clusterCidr!: string;

  @IsIpv4FirstRanges(8, 28, '10.96.0.0/16', { groups: ['up'] })
  @Parses(splitServiceRanges, { groups: ['server', 'agent'] })
  @TextSetting({
    help: 'addresses of Services: a range of IPv4, after a comma one of IPv6; fixed once the cluster exists',
    argument: 'CIDR[,CIDR]',
    default: '10.96.0.0/16',
    list: true,
    normal: canonicalRanges,
    formerly: 'serviceCidr',
    programs: { up: true, server: true, agent: true },
  })
  serviceClusterIpRange!: string;

  @Parses(parsePortRange)
  @TextSetting({
    help: 'ports of NodePort Services',
    argument: 'FIRST-LAST',
    default: '30000-32767',
    formerly: 'nodePortRange',
    programs: { up: true, server: true },
  })
  serviceNodePortRange!: string;

  @IsDnsName('domain')
  @TextSetting({
    help: 'domain of cluster DNS',
    argument: 'NAME',
    default: 'cluster.local',
    programs: { up: true, server: true, agent: true, dns: true },
  })
  clusterDomain!: string;

  @EachItem((item) => isIP(item) !== 0, 'must be IP addresses')
  @TextSetting({
    help: 'nameservers that pods are given',
    argument: 'IP,...',
    otherwise: {
      up: 'the tenth address of --service-cluster-ip-range',
      agent: 'the tenth address of --service-cluster-ip-range',
    },
    list: true,
    programs: { up: true, agent: true },
  })
  clusterDns?: string;

  @IsPort(0, { groups: ['server'] })
  @IsPort(1, { groups: ['up'] })
  @NumberSetting({
    help: 'port of cluster DNS on every node',
    argument: 'PORT',
    default: 10053,
    programs: { up: true, server: 'cluster-dns-port' },
  })
  dnsPort!: number;

  @EachItem(isNameserver, 'must be an IP address, with or without a port')
  @TextSetting({
    help: 'nameservers for names outside the cluster',
    argument: 'IP,...',
    default: '',
    otherwise: 'those of /etc/resolv.conf',
    list: true,
    repeats: ['dns'],
    programs: { up: true, dns: 'upstream' },
  })
  dnsUpstream!: string;

  // The agent asks its library, which tells why it lacks a mode.
  @IsOneOf(['auto', 'nftables', 'iptables', 'ipvs', 'none'], { groups: ['up'] })
  @TextSetting({
    help: 'how Services are served: nftables, iptables, auto (the first of these that the kernel has), ipvs, or none if another program serves them',
    argument: 'NAME',
    default: 'auto',
    programs: { up: true, agent: true },
  })
  proxyMode!: string;

  @IsOneOf(['rr', 'wrr', 'lc', 'wlc', 'sh', 'dh', 'sed', 'nq', 'mh'])
  @TextSetting({
    help: 'how IPVS chooses an endpoint, with --proxy-mode ipvs: the name of a scheduler of the kernel',
    argument: 'NAME',
    default: 'rr',
    programs: { up: true, agent: true },
  })
  ipvsScheduler!: string;

  @IsSwitch()
  @SwitchSetting({
    help: 'with --proxy-mode ipvs, answer ARP only for addresses of the interface that was asked, as MetalLB needs it',
    default: false,
    programs: { up: true, agent: true },
  })
  ipvsStrictArp!: boolean;

  @EachItem((item) => parseCidr(item) !== undefined, 'must be ranges of addresses')
  @TextSetting({
    help: "addresses whose virtual servers are another program's: with --proxy-mode ipvs they are left alone",
    argument: 'CIDR,...',
    default: '',
    otherwise: 'none',
    list: true,
    programs: { up: true, agent: true },
  })
  ipvsExcludeCidrs!: string;

  @Parses(checkTimeout)
  @TextSetting({
    help: 'how long IPVS keeps an idle TCP connection, with --proxy-mode ipvs; 0: as the kernel has it',
    argument: 'DURATION',
    default: '0s',
    programs: { up: true, agent: true },
  })
  ipvsTcpTimeout!: string;

  @Parses(checkTimeout)
  @TextSetting({
    help: 'how long IPVS keeps a TCP connection that one side has ended, with --proxy-mode ipvs; 0: as the kernel has it',
    argument: 'DURATION',
    default: '0s',
    programs: { up: true, agent: true },
  })
  ipvsTcpfinTimeout!: string;

  @Parses(checkTimeout)
  @TextSetting({
    help: 'how long IPVS keeps an idle UDP flow, with --proxy-mode ipvs; 0: as the kernel has it',
    argument: 'DURATION',
    default: '0s',
    programs: { up: true, agent: true },
  })
  ipvsUdpTimeout!: string;

  @IsOneOf(['auto', 'none'])
  @TextSetting({
    help: 'whether nodes enforce NetworkPolicies: auto (as far as the kernel can), or none if another program enforces them',
    argument: 'NAME',
    default: 'auto',
    programs: { up: true, agent: true },
  })
  networkPolicy!: string;

  @EachItem((item) => item === 'primary' || parseCidr(item) !== undefined, "must be ranges of addresses, or 'primary'")
  @TextSetting({
    help: "addresses of the node that node ports answer on; 'primary': those of --node-ip",
    argument: 'CIDR,...',
    default: '',
    otherwise: 'all that the node has',
    list: true,
    programs: { up: true, agent: true },
  })
  nodeportAddresses!: string;

  @TextSetting({
    help: "folder for the runtime's CNI configuration; empty: another program writes it",
    argument: 'DIR',
    otherwise: {
      up: '<data dir>/cni/net.d; empty with --container-runtime-endpoint',
      agent: '<data dir>/cni/net.d',
    },
    normal: resolve,
    programs: { up: true, agent: true },
  })
  cniConfDir?: string;
}

/** `address` or `address:port`, as berth-dns reads them. */
function isNameserver(text: string): boolean {
  if (isIP(text)) return true;
  const [address = '', port = '', ...more] = text.split(':');
  return isIP(address) === 4 && /^\d+$/.test(port) && more.length === 0;
}

/** What is behind the prefix says nothing: 10.96.5.7/16 is 10.96.0.0/16. */
function canonicalRanges(ranges: string): string {
  return ranges
    .split(',')
    .map((range) => `${nthAddress(range.trim(), 0)}/${range.trim().split('/')[1]}`)
    .join(',');
}
