import { internalError, type KubeObject, ownValue, setOwn } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { parseNodeSelector } from '../configuration/pod-node-selector.configuration.js';
import { rejection, targets } from '../rejection.js';

const ANNOTATION = 'scheduler.alpha.kubernetes.io/node-selector';
const DEFAULT = 'clusterDefaultNodeSelector';
const CONFLICT = 'pod node label selector conflicts with its namespace node label selector';

/** Binds the pods of a namespace to the nodes that the namespace, or the configuration for it, names. */
export class PodNodeSelector implements AdmissionPlugin {
  readonly name = 'PodNodeSelector';

  constructor(
    private readonly lister: Lister,
    /** By namespace: what its pods may select at all. The default is what they get. */
    private readonly selectors: ReadonlyMap<string, string> = new Map(),
  ) {}

  handles(target: AdmissionTarget): boolean {
    return targets(target, '', 'pods', ['CREATE']);
  }

  admit(request: AdmissionRequest): void {
    const spec = request.object!['spec'];
    for (const [label, value] of this.ofNamespace(request, spec)) setOwn((spec.nodeSelector ??= {}), label, value);
    this.validate(request);
  }

  validate(request: AdmissionRequest): void {
    const spec = request.object!['spec'];
    this.ofNamespace(request, spec);
    const allowed = parseNodeSelector(this.selectors.get(request.namespace) ?? '')!;
    if (allowed.size === 0) return;
    for (const [label, value] of Object.entries(spec.nodeSelector ?? {})) {
      if (allowed.get(label) === value) continue;
      throw rejection(request, 'pod node label selector labels conflict with its namespace whitelist');
    }
  }

  /** The labels of the namespace's selector, none of which the pod's contradicts. */
  private ofNamespace(request: AdmissionRequest, spec: KubeObject['spec']): ReadonlyMap<string, string> {
    const namespace = this.lister.get('namespaces', '', request.namespace);
    const text = ownValue(namespace?.metadata.annotations, ANNOTATION) ?? this.selectors.get(DEFAULT) ?? '';
    const labels = parseNodeSelector(text);
    if (labels === undefined) throw internalError(`invalid selector: ${text}`);
    for (const [label, value] of labels) {
      if ((ownValue(spec.nodeSelector, label) ?? value) !== value) throw rejection(request, CONFLICT);
    }
    return labels;
  }
}
