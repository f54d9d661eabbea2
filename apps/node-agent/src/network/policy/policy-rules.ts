import {
  formatLabelSelector,
  LabelMatcher,
  type LabelSelector,
  type Labels,
  labelSelectorMatcher,
} from '#apimachinery';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '#kinds';
import type { PeerModel, PolicyModel, PortModel, RuleModel } from './policy-table.js';

/** Which pods a peer selects. */
export interface PeerSelector {
  /** Peers that select the same pods have the same one. */
  id: string;
  /** Undefined: namespaces are selected by their labels. */
  namespace: string | undefined;
  namespaces: LabelMatcher;
  pods: LabelMatcher;
}

/** A policy as rules for any node. */
export interface CompiledPolicy {
  namespace: string;
  /** Pods of its namespace that it isolates. */
  pods: LabelMatcher;
  model: PolicyModel;
  selectors: PeerSelector[];
  /** Names of ports that it lets pass. */
  portNames: string[];
}

/** Whether a selector selects the pods that stand for cluster DNS. */
export type SelectsDns = (selector: PeerSelector) => boolean;

/** Pure. Throws, and says why, when a selector cannot be read. */
export function compilePolicy({ metadata, spec }: NetworkPolicy, selectsDns: SelectsDns): CompiledPolicy {
  const compiler = new Compiler(metadata.namespace!, selectsDns);
  // As the API defaults it: a policy speaks of egress only where it has rules for it.
  const types = spec.policyTypes ?? (spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress']);
  const model: PolicyModel = {};
  if (types.includes('Ingress')) {
    model.ingress = (spec.ingress ?? []).map(({ from, ports }) => compiler.rule(from, ports, 'ingress'));
  }
  if (types.includes('Egress')) {
    model.egress = (spec.egress ?? []).map(({ to, ports }) => compiler.rule(to, ports, 'egress'));
  }
  return {
    namespace: metadata.namespace!,
    pods: labelSelectorMatcher(spec.podSelector ?? {}),
    model,
    selectors: [...compiler.selectors.values()],
    portNames: [...compiler.portNames],
  };
}

/** A policy of which no rules can be made: whom it selects is isolated, and it lets nothing pass. */
export function withoutRules({ ingress, egress }: PolicyModel): PolicyModel {
  return { ...(ingress && { ingress: [] }), ...(egress && { egress: [] }) };
}

class Compiler {
  readonly selectors = new Map<string, PeerSelector>();
  readonly portNames = new Set<string>();

  constructor(
    private readonly namespace: string,
    private readonly selectsDns: SelectsDns,
  ) {}

  rule(
    peers: readonly NetworkPolicyPeer[] | undefined,
    ports: readonly NetworkPolicyPort[] | undefined,
    direction: 'ingress' | 'egress',
  ): RuleModel {
    return {
      ...(peers?.length ? { peers: peers.flatMap((peer) => this.peer(peer, direction)) } : {}),
      ...(ports?.length ? { ports: ports.map((port) => this.port(port)) } : {}),
    };
  }

  private peer(peer: NetworkPolicyPeer, direction: 'ingress' | 'egress'): PeerModel[] {
    const { ipBlock } = peer;
    if (ipBlock) return [{ block: { cidr: ipBlock.cidr, except: ipBlock.except ?? [] } }];
    const selector = peerSelector(peer, this.namespace);
    this.selectors.set(selector.id, selector);
    const pods = { pods: selector.id };
    return direction === 'egress' && this.selectsDns(selector) ? [pods, 'dns'] : [pods];
  }

  private port({ protocol = 'TCP', port, endPort }: NetworkPolicyPort): PortModel {
    if (port === undefined) return { protocol };
    if (typeof port === 'number') return { protocol, which: { range: [port, endPort ?? port] } };
    this.portNames.add(port);
    return { protocol, which: { name: port } };
  }
}

/** Without a selector of namespaces a peer is of the policy's own. */
function peerSelector({ namespaceSelector, podSelector }: NetworkPolicyPeer, namespace: string): PeerSelector {
  const own = namespaceSelector === undefined;
  const pods = podSelector ?? {};
  const where = own ? namespace : `{${formatLabelSelector(namespaceSelector)}}`;
  return {
    id: `${where}/${formatLabelSelector(pods)}`,
    namespace: own ? namespace : undefined,
    namespaces: own ? LabelMatcher.everything : labelSelectorMatcher(namespaceSelector as LabelSelector),
    pods: labelSelectorMatcher(pods),
  };
}

/** @param namespaceLabels - undefined: the namespace is not known, so that nothing selects it by labels. */
export function selects(
  { namespace, namespaces, pods }: PeerSelector,
  pod: { namespace: string; labels: Labels | undefined },
  namespaceLabels: Labels | undefined,
): boolean {
  if (
    namespace === undefined ? !namespaceLabels || !namespaces.matches(namespaceLabels) : namespace !== pod.namespace
  ) {
    return false;
  }
  return pods.matches(pod.labels);
}
