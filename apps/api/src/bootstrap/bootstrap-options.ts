import type { Client, Logger } from '#client';

export interface BootstrapOptions {
  /** Acts as a member of system:masters, e.g. system:apiserver. */
  client: Client;
  /** Whether this process serves the API, and so belongs to the addresses of `kubernetes`. */
  serves: boolean;
  /** Where other machines reach this server. */
  advertiseAddress: string;
  securePort: number;
  /** One or two CIDRs, separated by commas; Services get addresses of the first unless they ask otherwise. */
  serviceClusterIpRange: string;
  /** Where cluster DNS listens on every node. */
  clusterDnsPort: number;
  /** PEM: what clients and front proxies are verified with. */
  clientCa: string;
  frontProxyCa: string;
  /** Whether the cluster gets the default class of volumes on the disks of its nodes. */
  localStorage: boolean;
  /** Name of the node that runs beside this server. */
  localNode?: string;
  /** Whether the cluster gets the class of the Ingresses that its nodes serve. */
  ingress: boolean;
  log: Logger;
  now?: () => Date;
}
