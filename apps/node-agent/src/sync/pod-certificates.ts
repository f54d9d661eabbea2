import { type Client, type Clock, ControlLoop, type EventRecorder, type Logger, type SharedInformers } from '#client';
import { gvr, type Node, type PodCertificateProjection, type PodCertificateRequest, type ServiceAccount } from '#kinds';
import type { CertificateSource, Credentials } from '../pod/certificate-source.js';
import { isTerminal, type Pod } from '../pod/pod.js';
import { VolumeError } from '../volumes/volume-plugin.js';
import { newKey } from './certificate-key.js';
import { advance, type CertificateState, type Pending, stateName } from './certificate-state.js';

/** Kubelet's: each source is looked at after one to two of these, whatever happens. Milliseconds. */
const LOOK_AGAIN = 60_000;
/** A request that is not seen for so long was deleted. */
const ABANDON_AFTER = 10 * 60_000;
const LONGEST_JITTER = 5 * 60_000;
/** Keys that are made at a time: half of the threads that Node has for that and for files. */
const CONCURRENCY = 2;

export interface PodCertificatesContext {
  client: Pick<Client, 'create' | 'get'>;
  informers: Pick<SharedInformers, 'for'>;
  events: EventRecorder;
  logger: Logger;
  clock: Clock;
  random: () => number;
  nodeName: string;
  /** This node as the API server has it; undefined until it is known. */
  node(): Node | undefined;
  signal: AbortSignal;
  /** There are credentials, or there will never be, for a volume of the pod. */
  onChange(uid: string): void;
}

interface Projection {
  pod: Pod;
  source: PodCertificateProjection;
}

/**
 * Certificates of the pods' volumes: makes a key for each source, requests a certificate for it, and another one with
 * another key when that is due. Keys are in memory and in the volumes only: an agent that starts requests anew. Requests
 * are watched from the first pod on that has such a source.
 */
export class PodCertificates implements CertificateSource {
  /** Pods that have such sources, by uid. */
  private readonly pods = new Map<string, Pod>();
  /** By `projectionKey`. */
  private readonly states = new Map<string, CertificateState>();
  private loop: ControlLoop | undefined;

  constructor(private readonly context: PodCertificatesContext) {}

  track(pod: Pod): void {
    const { uid } = pod.metadata;
    const keys = keysOf(pod);
    if (keys.length === 0) return;
    if (isTerminal(pod.status)) {
      this.forget(uid);
      return;
    }
    this.pods.set(uid, pod);
    this.loop ??= this.start();
    for (const key of keys) {
      if (this.states.has(key)) continue;
      this.states.set(key, {});
      this.loop.add(key);
    }
  }

  forget(uid: string): void {
    const pod = this.pods.get(uid);
    if (!pod) return;
    this.pods.delete(uid);
    for (const key of keysOf(pod)) this.states.delete(key);
  }

  credentials(pod: Pod, volume: string, sourceIndex: number): Credentials {
    const state = this.states.get(projectionKey(pod.metadata.uid, volume, sourceIndex));
    if (state?.issued) return state.issued;
    if (!state?.refusal) throw new VolumeError('credential bundle is not issued yet');
    const { type, reason, message } = state.refusal;
    const why = `reason=${JSON.stringify(reason)} message=${JSON.stringify(message)}`;
    throw new VolumeError(`PodCertificateRequest was permanently ${type.toLowerCase()}: ${why}`);
  }

  /** The signer and the state of each source. */
  *counts(): Iterable<{ signerName: string; state: ReturnType<typeof stateName> }> {
    const now = this.context.clock.now();
    for (const [key, state] of this.states) {
      const projection = this.find(key);
      if (projection) yield { signerName: projection.source.signerName, state: stateName(state, now) };
    }
  }

  private start(): ControlLoop {
    const { clock, logger, signal } = this.context;
    const requests = this.requests();
    const name = 'podcertificates';
    const reconcile = (key: string) => this.reconcile(key);
    const loop = new ControlLoop({ name, clock, logger, concurrency: CONCURRENCY, reconcile });
    const changed = ({ spec }: PodCertificateRequest) => {
      const pod = this.pods.get(spec.podUID);
      if (pod) for (const key of keysOf(pod)) loop.add(key);
    };
    requests.addHandler({ add: changed, update: (_old, request) => changed(request), delete: changed });
    void loop.run(signal);
    return loop;
  }

  private requests() {
    const { informers, nodeName } = this.context;
    const fieldSelector = `spec.nodeName=${nodeName}`;
    return informers.for<PodCertificateRequest>(gvr.podcertificaterequests, { fieldSelector });
  }

  private async reconcile(key: string) {
    const { clock, events, random, signal, onChange } = this.context;
    const requests = this.requests();
    await requests.whenSynced(signal);
    const projection = this.find(key);
    const before = this.states.get(key);
    if (!projection || !before) return undefined;
    const { pod, source } = projection;
    const request = before.pending && requests.get(pod.metadata.namespace, before.pending.request);
    const seen = { request, now: clock.now(), jitter: random() * LONGEST_JITTER };
    const next = advance(before, seen);
    this.states.set(key, next.state);
    for (const { reason, message } of next.events) events.event(pod, 'Warning', reason, message);
    const { issued, refusal } = next.state;
    if (issued?.key !== before.issued?.key || refusal !== before.refusal) onChange(pod.metadata.uid);
    if (next.ask) {
      const pending = await this.request(pod, source);
      // The pod may have gone meanwhile.
      if (this.states.has(key)) this.states.set(key, { ...next.state, pending });
    }
    return { requeueAfter: LOOK_AGAIN * (1 + random()) };
  }

  private async request(pod: Pod, source: PodCertificateProjection): Promise<Pending> {
    const { client, clock, node, nodeName, random } = this.context;
    const { name, namespace, uid } = pod.metadata;
    const serviceAccountName = pod.spec.serviceAccountName || 'default';
    const account = await client.get<ServiceAccount>(gvr.serviceaccounts, namespace, serviceAccountName);
    const nodeUID = node()?.metadata.uid;
    if (!nodeUID) throw new Error(`node ${nodeName} is not known yet`);
    const { key, request } = await newKey(source.keyType);
    const created = await client.create<PodCertificateRequest>(gvr.podcertificaterequests, namespace, {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'PodCertificateRequest',
      metadata: {
        generateName: 'req-',
        namespace,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }],
      },
      spec: {
        signerName: source.signerName,
        podName: name,
        podUID: uid,
        serviceAccountName,
        serviceAccountUID: account.metadata.uid!,
        nodeName,
        nodeUID,
        maxExpirationSeconds: source.maxExpirationSeconds,
        stubPKCS10Request: request,
        unverifiedUserAnnotations: source.userAnnotations,
      },
    });
    const abandonAt = clock.now() + ABANDON_AFTER + random() * LONGEST_JITTER;
    return { key, request: created.metadata.name!, abandonAt };
  }

  private find(key: string): Projection | undefined {
    const [uid, volume, index] = key.split('/') as [string, string, string];
    const pod = this.pods.get(uid);
    const { projected } = pod?.spec.volumes?.find(({ name }) => name === volume) ?? {};
    const source = projected?.sources?.[Number(index)]?.podCertificate;
    return pod && source && { pod, source };
  }
}

function projectionKey(uid: string, volume: string, sourceIndex: number): string {
  return `${uid}/${volume}/${sourceIndex}`;
}

function keysOf({ metadata, spec }: Pod): string[] {
  return (spec.volumes ?? []).flatMap(({ name, projected }) =>
    (projected?.sources ?? []).flatMap(({ podCertificate }, index) =>
      podCertificate ? [projectionKey(metadata.uid, name, index)] : [],
    ),
  );
}
