import type { Informer } from '#client';
import { claimClass, gvr, type PersistentVolume, type PersistentVolumeClaim, volumeClass } from '#kinds';
import type { Controller, ControllerRuntime } from '../context.js';

/** Names of classes and namespaces that are told apart. */
const NAMES = 200;
const SOURCES = ['hostPath', 'local', 'nfs', 'csi', 'iscsi', 'fc', 'other'] as const;
/** As upstream names the plugins. */
const PLUGINS: Record<(typeof SOURCES)[number], string> = {
  hostPath: 'kubernetes.io/host-path',
  local: 'kubernetes.io/local-volume',
  nfs: 'kubernetes.io/nfs',
  csi: 'kubernetes.io/csi',
  iscsi: 'kubernetes.io/iscsi',
  fc: 'kubernetes.io/fc',
  other: 'N/A',
};

/** Volumes and claims, counted at each scrape, by upstream's names. */
export class VolumeCounts {
  private readonly volumes: Informer<PersistentVolume>;
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly families;

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers, metrics } = runtime;
    this.volumes = informers.for(gvr.persistentvolumes);
    this.claims = informers.for(gvr.persistentvolumeclaims);
    const ofClass = { storage_class: NAMES };
    const ofClaim = { namespace: NAMES, storage_class: NAMES, volume_attributes_class: NAMES };
    this.families = {
      boundVolumes: metrics.gauge({ name: 'pv_collector_bound_pv_count', help: 'Bound volumes.', labels: ofClass }),
      freeVolumes: metrics.gauge({ name: 'pv_collector_unbound_pv_count', help: 'Other volumes.', labels: ofClass }),
      allVolumes: metrics.gauge({
        name: 'pv_collector_total_pv_count',
        help: 'Volumes.',
        labels: { plugin_name: Object.values(PLUGINS), volume_mode: ['Filesystem', 'Block'] },
      }),
      boundClaims: metrics.gauge({ name: 'pv_collector_bound_pvc_count', help: 'Bound claims.', labels: ofClaim }),
      freeClaims: metrics.gauge({ name: 'pv_collector_unbound_pvc_count', help: 'Other claims.', labels: ofClaim }),
    };
  }

  /** The same controller, counting while it runs. */
  during(loop: Controller): Controller {
    return {
      name: loop.name,
      run: async (signal) => {
        const end = this.runtime.metrics.onCollect(() => this.show());
        await loop.run(signal).finally(end);
      },
    };
  }

  private show(): void {
    const { boundVolumes, freeVolumes, allVolumes, boundClaims, freeClaims } = this.families;
    for (const family of Object.values(this.families)) family.clear();
    for (const volume of this.volumes.list()) {
      const { spec, status } = volume;
      (status?.phase === 'Bound' ? boundVolumes : freeVolumes).cell(volumeClass(volume)).value += 1;
      const source = SOURCES.find((name) => name !== 'other' && spec[name] !== undefined) ?? 'other';
      allVolumes.cell(PLUGINS[source], spec.volumeMode ?? 'Filesystem').value += 1;
    }
    for (const claim of this.claims.list()) {
      const { metadata, spec, status } = claim;
      const family = status?.phase === 'Bound' ? boundClaims : freeClaims;
      family.cell(metadata.namespace!, claimClass(claim), spec.volumeAttributesClassName ?? '').value += 1;
    }
  }
}
