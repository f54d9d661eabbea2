import { type Informer, objectKey, type SharedInformers } from '#client';
import { type EndpointSlice, gvr, type Namespace, type NetworkPolicy, type Pod, type Service } from '#kinds';
import { DNS_NAMESPACE, DNS_SERVICE, dnsPods } from './dns-pods.js';
import type { PolicyIndex } from './policy-index.js';
import { policyPod, slimPod } from './policy-pod.js';

const SERVICE_NAME = 'kubernetes.io/service-name';

/** A pod of this node whose addresses the API may not have yet. */
interface Claim {
  pod: Pod;
  addresses: readonly string[];
}

export interface PolicySourcesOptions {
  /** What the node may see: Services and EndpointSlices. */
  informers: SharedInformers;
  /** What policies may select: all pods, namespaces, policies. */
  peers: SharedInformers;
  index: PolicyIndex;
  /** Something in the index changed. */
  onChange(): void;
}

/** Brings what the API and this node say into the index. Pods and namespaces are followed once there is a policy. */
export class PolicySources {
  private readonly policies: Informer<NetworkPolicy>;
  private pods: Informer<Pod> | undefined;
  private namespaces: Informer<Namespace> | undefined;
  private services: Informer<Service> | undefined;
  private slices: Informer<EndpointSlice> | undefined;
  private readonly claims = new Map<string, Claim>();

  constructor(private readonly options: PolicySourcesOptions) {
    const { peers } = options;
    this.policies = peers.for<NetworkPolicy>(gvr.networkpolicies);
    const set = (policy: NetworkPolicy, now: NetworkPolicy | undefined) => {
      this.followPeers();
      options.index.setPolicy(objectKey(policy), now);
      options.onChange();
    };
    this.policies.addHandler({
      add: (policy) => set(policy, policy),
      update: (_old, policy) => set(policy, policy),
      delete: (policy) => set(policy, undefined),
    });
  }

  policy(key: string): NetworkPolicy | undefined {
    return this.policies.getByKey(key);
  }

  get knowsPolicies(): boolean {
    return this.policies.hasSynced;
  }

  /** Resolves once all is known that the policies so far are about. */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await this.policies.whenSynced(signal);
    const others = [this.pods, this.namespaces, this.services, this.slices];
    await Promise.all(others.map((informer) => informer?.whenSynced(signal)));
  }

  /** These are the addresses of a pod of this node, from now on. */
  claim(key: string, pod: Pod, addresses: readonly string[]): void {
    this.claims.set(key, { pod, addresses });
    this.setPod(key, this.pods?.getByKey(key));
  }

  /** The pod is gone from this node. */
  release(uid: string): void {
    for (const [key, { pod }] of this.claims) {
      if (pod.metadata.uid !== uid) continue;
      this.claims.delete(key);
      this.setPod(key, this.pods?.getByKey(key));
    }
  }

  /** A pod of a manifest has another uid here than its copy in the API; one that was made anew may be known here first. */
  private setPod(key: string, pod: Pod | undefined): void {
    const { index, onChange } = this.options;
    const claim = this.claims.get(key);
    const own = claim !== undefined && claim.pod.metadata.uid !== pod?.metadata.uid;
    const seen = own ? claim.pod : pod;
    index.setPod(key, seen && policyPod(seen, claim?.addresses));
    onChange();
  }

  private followPeers(): void {
    if (this.pods) return;
    const { peers, informers, index, onChange } = this.options;
    this.pods = peers.for<Pod>(gvr.pods, { transform: slimPod });
    this.namespaces = peers.for<Namespace>(gvr.namespaces);
    this.services = informers.for<Service>(gvr.services);
    this.slices = informers.for<EndpointSlice>(gvr.endpointslices);
    this.pods.addHandler({
      add: (pod) => this.setPod(objectKey(pod), pod),
      update: (_old, pod) => this.setPod(objectKey(pod), pod),
      delete: (pod) => this.setPod(objectKey(pod), undefined),
    });
    const setNamespace = ({ metadata }: Namespace) => {
      index.setNamespace(metadata.name!, metadata.labels ?? {});
      onChange();
    };
    this.namespaces.addHandler({
      add: setNamespace,
      update: (_old, namespace) => setNamespace(namespace),
      delete: ({ metadata }) => index.setNamespace(metadata.name!, undefined),
    });
    this.followDns(this.services, this.slices);
  }

  private followDns(services: Informer<Service>, slices: Informer<EndpointSlice>): void {
    let known = '';
    const look = () => {
      const ours = slices.list(DNS_NAMESPACE).filter(({ metadata }) => metadata.labels?.[SERVICE_NAME] === DNS_SERVICE);
      const dns = dnsPods(services.get(DNS_NAMESPACE, DNS_SERVICE), ours);
      const text = JSON.stringify(dns) ?? '';
      if (text === known) return;
      known = text;
      this.options.index.setDns(dns);
      this.options.onChange();
    };
    const onDns = ({ metadata }: Service | EndpointSlice) => {
      if (metadata.namespace === DNS_NAMESPACE) look();
    };
    const handler = {
      add: onDns,
      update: (_old: Service | EndpointSlice, now: Service | EndpointSlice) => onDns(now),
      delete: onDns,
    };
    services.addHandler(handler);
    slices.addHandler(handler);
    look();
  }
}
