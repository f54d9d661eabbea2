import { createHash, randomBytes } from 'node:crypto';
import { cachedLabelMatcher, type LabelSelector, notFound } from '#apimachinery';
import type { Informer, SharedInformers } from '#client';
import { type ClusterTrustBundle, gvr, pemBlocks } from '#kinds';
import type { Pod } from '../pod/pod.js';
import type { TrustSource } from '../pod/trust-source.js';
import { VolumeError } from '../volumes/volume-plugin.js';
import { certificatePem } from './certificate-pem.js';

/** How long a mount waits for the first list; milliseconds. The mount is tried again. */
const FIRST_LIST = 2000;

/** PEM blocks of one bundle, and what they are sorted by. */
type Anchors = readonly { order: string; pem: string }[];

/** ClusterTrustBundles. They are watched from the first pod on that mounts one: most nodes never see any. */
export class TrustBundles implements TrustSource {
  private informer: Informer<ClusterTrustBundle> | undefined;
  /** Bundles are frozen and replaced as a whole, so what was read in one holds as long as it does. */
  private readonly read = new WeakMap<ClusterTrustBundle, Anchors>();
  /** Anchors have an order that nobody can rely on, and that stays while the agent runs: files change with bundles alone. */
  private readonly salt = randomBytes(16);

  constructor(
    private readonly informers: Pick<SharedInformers, 'for'>,
    private readonly signal: AbortSignal,
    private readonly onChange: (bundle: ClusterTrustBundle) => void,
  ) {}

  async byName(name: string, optional: boolean): Promise<string> {
    const bundle = (await this.synced()).get('', name);
    if (bundle) return this.merged([bundle]);
    if (optional) return '';
    const { message } = notFound({ group: gvr.clustertrustbundles.group, resource: 'clustertrustbundle' }, name);
    throw new VolumeError(`while getting ClusterTrustBundle: ${message}`);
  }

  async bySigner(signerName: string, selector: LabelSelector | undefined, optional: boolean): Promise<string> {
    const labels = cachedLabelMatcher(selector);
    const selected = (await this.synced())
      .list()
      .filter(({ metadata, spec }) => spec.signerName === signerName && labels.matches(metadata.labels));
    if (selected.length > 0) return this.merged(selected);
    if (optional) return '';
    throw new VolumeError('combination of signerName and labelSelector matched zero ClusterTrustBundles');
  }

  private async synced(): Promise<Informer<ClusterTrustBundle>> {
    const informer = this.followed();
    const limit = AbortSignal.any([this.signal, AbortSignal.timeout(FIRST_LIST)]);
    await informer.whenSynced(limit).catch(() => {
      throw new VolumeError('ClusterTrustBundle informer has not yet synced');
    });
    return informer;
  }

  private followed(): Informer<ClusterTrustBundle> {
    if (!this.informer) {
      this.informer = this.informers.for<ClusterTrustBundle>(gvr.clustertrustbundles);
      const { onChange } = this;
      this.informer.addHandler({ add: onChange, update: (_old, bundle) => onChange(bundle), delete: onChange });
    }
    return this.informer;
  }

  private merged(bundles: readonly ClusterTrustBundle[]): string {
    const distinct = new Map(bundles.flatMap((bundle) => this.anchors(bundle)).map(({ order, pem }) => [order, pem]));
    return [...distinct]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, pem]) => pem)
      .join('');
  }

  private anchors(bundle: ClusterTrustBundle): Anchors {
    let anchors = this.read.get(bundle);
    if (!anchors) {
      anchors = pemBlocks(bundle.spec.trustBundle).map(({ bytes }) => ({
        order: createHash('sha256').update(this.salt).update(bytes).digest('hex'),
        pem: certificatePem(bytes),
      }));
      this.read.set(bundle, anchors);
    }
    return anchors;
  }
}

/** Pure: whether a volume of the pod may have anchors of the bundle. */
export function mayMount({ spec }: Pod, { metadata, spec: { signerName } }: ClusterTrustBundle): boolean {
  const sources = (spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
  return sources.some(({ clusterTrustBundle: wanted }) => {
    if (!wanted) return false;
    return wanted.name === undefined ? wanted.signerName === signerName : wanted.name === metadata.name;
  });
}
