import { FieldPath, isPortName, isPortNumber, validateLabelSelector } from '#apimachinery';
import type { KindValidator } from '../../../contract/kind-module.js';
import { checkSelector } from '../../../core/v1/pod/pod-scheduling.validation.js';
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../../generated/types.js';
import { FieldCursor } from '../../../validation/field-cursor.js';
import { isStrictSubset, sloppyCidr, validateCidr } from '../../../validation/ip.js';

const policyTypes = ['Ingress', 'Egress'];
const protocols = ['TCP', 'UDP', 'SCTP'];

export const networkPolicyValidator: KindValidator = {
  rules: [
    'selectors are well-formed; an update keeps label values that an older release accepted',
    'protocol is one of TCP, UDP, SCTP',
    'port is 1 to 65535 or a port name',
    'endPort needs a numeric port and must not be below it',
    'a peer is a selector or an ipBlock, not both',
    'ipBlock needs a CIDR; an update keeps CIDRs that an older release accepted',
    'except is a strict subset of cidr',
    'policyTypes are Ingress, Egress, at most two',
  ],
  validateCreate: (policy: NetworkPolicy) => check(policy, { labelValues: false, cidrs: new Set() }),
  validateUpdate: (policy: NetworkPolicy, old: NetworkPolicy) => check(policy, leniencyFor(old)),
};

/** What an update may keep because the stored object has it. */
interface Leniency {
  labelValues: boolean;
  cidrs: ReadonlySet<string>;
}

function leniencyFor({ spec }: NetworkPolicy): Leniency {
  const peers = [
    ...(spec.ingress ?? []).flatMap(({ from = [] }) => from),
    ...(spec.egress ?? []).flatMap(({ to = [] }) => to),
  ];
  return {
    labelValues: validateLabelSelector(spec.podSelector ?? {}, FieldPath.of('spec', 'podSelector')).length > 0,
    cidrs: new Set(peers.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : []))),
  };
}

function check({ spec }: NetworkPolicy, lenient: Leniency) {
  const at = new FieldCursor('spec');
  checkSelector(at, 'podSelector', spec.podSelector, lenient.labelValues);
  at.each('ingress', spec.ingress, ({ ports, from }) => {
    at.each('ports', ports, (port) => checkPort(at, port));
    at.each('from', from, (peer) => checkPeer(at, peer, lenient));
  });
  at.each('egress', spec.egress, ({ ports, to }) => {
    at.each('ports', ports, (port) => checkPort(at, port));
    at.each('to', to, (peer) => checkPeer(at, peer, lenient));
  });
  const types = spec.policyTypes ?? [];
  if (types.length > policyTypes.length) at.invalid('policyTypes', types, 'may not specify more than two policyTypes');
  else at.each('policyTypes', types, (type) => at.optionalChoice('', type, policyTypes));
  return at.all();
}

function checkPort(at: FieldCursor, { protocol, port, endPort }: NetworkPolicyPort): void {
  at.optionalChoice('protocol', protocol, protocols);
  if (typeof port === 'number') {
    for (const text of isPortNumber(port)) at.invalid('port', port, text);
    if (endPort === undefined) return;
    if (endPort < port) at.invalid('endPort', endPort, 'must be greater than or equal to `port`');
    for (const text of isPortNumber(endPort)) at.invalid('endPort', endPort, text);
    return;
  }
  if (endPort !== undefined) {
    const why = port === undefined ? 'when `port` is not specified' : 'when `port` is non-numeric';
    at.invalid('endPort', endPort, `may not be specified ${why}`);
  }
  if (port !== undefined) at.format('port', port, isPortName);
}

function checkPeer(at: FieldCursor, peer: NetworkPolicyPeer, lenient: Leniency): void {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  checkSelector(at, 'podSelector', podSelector, lenient.labelValues);
  checkSelector(at, 'namespaceSelector', namespaceSelector, lenient.labelValues);
  if (ipBlock !== undefined) at.within('ipBlock', () => checkBlock(at, ipBlock, lenient));
  const given = [podSelector, namespaceSelector, ipBlock].filter((part) => part !== undefined).length;
  if (given === 0) at.required('', 'must specify a peer');
  else if (given > 1 && ipBlock !== undefined) at.forbidden('', 'may not specify both ipBlock and another peer');
}

function checkBlock(at: FieldCursor, { cidr, except }: IPBlock, lenient: Leniency): void {
  if (!cidr) {
    at.declared(() => at.required('cidr'));
    return;
  }
  at.add(validateCidr(at.path('cidr'), cidr, lenient.cidrs));
  const range = sloppyCidr(cidr);
  if (range === undefined) return;
  at.each('except', except, (exception) => {
    at.add(validateCidr(at.path(), exception, lenient.cidrs));
    const hole = sloppyCidr(exception);
    if (hole !== undefined && !isStrictSubset(hole, range)) {
      at.invalid('', exception, 'must be a strict subset of `cidr`');
    }
  });
}
