import { isDNS1123Label, isDNS1123Subdomain, patternMessage } from '#apimachinery';
import type { HostAlias, PodDNSConfig, PodSpec } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { validateIp } from '../../../validation/ip.js';

/** DNS, host names, /etc/hosts and the node's network. */

const maxNameservers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;
const maxHostname = 64;

const maxSearchLength = 253;
const searchPattern = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*';
const searchName = new RegExp(`^(?:${searchPattern})$`);
const searchNameText = patternMessage(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  searchPattern,
  'example.com',
);
const policies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

export function checkDnsPolicy(at: FieldCursor, policy: string | undefined): void {
  at.choice('dnsPolicy', policy, policies);
}

export function checkDnsConfig(at: FieldCursor, config: PodDNSConfig | undefined, policy: string | undefined): void {
  const servers = config?.nameservers ?? [];
  if (policy === 'None') {
    if (config === undefined) {
      at.required('dnsConfig', 'must provide `dnsConfig` when `dnsPolicy` is None');
      return;
    }
    if (servers.length === 0) {
      const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      at.required('dnsConfig.nameservers', detail);
      return;
    }
  }
  if (config === undefined) return;
  at.enter('dnsConfig');
  if (servers.length > maxNameservers) {
    at.invalid('nameservers', servers, `must not have more than ${maxNameservers} nameservers`);
  }
  servers.forEach((server, i) => {
    checkIp(at, `nameservers[${i}]`, server);
  });
  checkSearches(at, config.searches ?? []);
  (config.options ?? []).forEach(({ name }, i) => {
    if (!name) at.required(`options[${i}]`, 'must not be empty');
  });
  at.leave();
}

function checkSearches(at: FieldCursor, searches: readonly string[]): void {
  if (searches.length > maxSearches) {
    at.invalid('searches', searches, `must not have more than ${maxSearches} search paths`);
  }
  if (Buffer.byteLength(searches.join(' ')) > maxSearchCharacters) {
    const detail = `must not have more than ${maxSearchCharacters} characters (including spaces) in the search list`;
    at.invalid('searches', searches, detail);
  }
  searches.forEach((search, i) => {
    if (search !== '.') at.format(`searches[${i}]`, search.replace(/\.$/, ''), isSearchPath);
  });
}

/** A domain as resolvers take it: other than in names of objects, labels may have underscores. */
function isSearchPath(value: string): string[] {
  const errors: string[] = [];
  if (Buffer.byteLength(value) > maxSearchLength) errors.push(`must be no more than ${maxSearchLength} characters`);
  if (!searchName.test(value)) errors.push(searchNameText);
  return errors;
}

export function checkIp(at: FieldCursor, name: string, value: string): void {
  at.add(validateIp(at.path(name), value));
}

export function checkHostAliases(at: FieldCursor, aliases: readonly HostAlias[] | undefined): void {
  if (aliases === undefined) return;
  at.enter('hostAliases');
  for (let i = 0; i < aliases.length; i++) {
    const { ip, hostnames } = aliases[i]!;
    at.enter(i);
    checkIp(at, 'ip', ip);
    for (let j = 0; j < (hostnames?.length ?? 0); j++) at.format(`hostnames[${j}]`, hostnames![j]!, isDNS1123Subdomain);
    at.leave();
  }
  at.leave();
}

/** On the node's network a container's port is the node's. Templates may still leave the host port to defaults. */
export function checkHostNetworkPorts(at: FieldCursor, spec: PodSpec, isPod: boolean): void {
  if (!spec.hostNetwork) return;
  spec.containers.forEach(({ ports }, c) => {
    ports?.forEach(({ hostPort = 0, containerPort }, p) => {
      if ((!isPod && hostPort === 0) || hostPort === containerPort) return;
      const detail = 'must match `containerPort` when `hostNetwork` is true';
      at.invalid(`containers[${c}].ports[${p}].hostPort`, hostPort, detail);
    });
  });
}

export function checkHostnameOverride(at: FieldCursor, spec: PodSpec): void {
  const name = spec.hostnameOverride;
  if (name === undefined) return;
  if (spec.setHostnameAsFQDN) {
    at.forbidden('hostnameOverride', 'may not be specified when setHostnameAsFQDN is true');
  }
  if (spec.hostNetwork) at.forbidden('hostnameOverride', 'may not be specified when hostNetwork is true');
  if (Buffer.byteLength(name) > maxHostname) at.tooLong('hostnameOverride', maxHostname);
  at.format('hostnameOverride', name, isDNS1123Subdomain);
}

export function checkHostname(at: FieldCursor, { hostname, subdomain }: PodSpec): void {
  if (hostname) at.format('hostname', hostname, isDNS1123Label);
  if (subdomain) at.format('subdomain', subdomain, isDNS1123Label);
}
