import type { KubeObject } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection, targets } from '../rejection.js';

const GROUP = 'scheduling.k8s.io';
const CLASSES = 'scheduling.k8s.io/priorityclasses';

/** Resolves a pod's PriorityClass to its number, and keeps at most one class the default. */
export class Priority implements AdmissionPlugin {
  readonly name = 'Priority';

  constructor(private readonly lister: Lister) {}

  handles(target: AdmissionTarget): boolean {
    return (
      targets(target, '', 'pods', ['CREATE', 'UPDATE']) ||
      targets(target, GROUP, 'priorityclasses', ['CREATE', 'UPDATE'])
    );
  }

  admit(request: AdmissionRequest): void {
    if (request.resource.resource !== 'pods') return;
    const spec = (request.object!['spec'] ??= {});
    if (request.operation === 'UPDATE') {
      const old = request.oldObject!['spec'];
      spec.priority ??= old.priority;
      spec.preemptionPolicy ??= old.preemptionPolicy;
      if (spec.priority === undefined) delete spec.priority;
      if (spec.preemptionPolicy === undefined) delete spec.preemptionPolicy;
      return;
    }
    const { name, value, policy } = this.resolve(request, spec.priorityClassName);
    if (name) spec.priorityClassName = name;
    if (spec.priority != null && spec.priority !== value) {
      throw rejection(
        request,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
      );
    }
    spec.priority = value;
    if (!policy) return;
    if (spec.preemptionPolicy != null && spec.preemptionPolicy !== policy) {
      throw rejection(
        request,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
      );
    }
    spec.preemptionPolicy = policy;
  }

  validate(request: AdmissionRequest): void {
    if (request.resource.resource !== 'priorityclasses' || !request.object!['globalDefault']) return;
    const current = this.defaultClass();
    if (!current) return;
    if (request.operation === 'UPDATE' && current.metadata.name === request.object!.metadata.name) return;
    throw rejection(
      request,
      `PriorityClass ${current.metadata.name} is already marked as default. Only one default can exist`,
    );
  }

  private resolve(request: AdmissionRequest, className: string | undefined) {
    const found = className ? this.lister.get(CLASSES, '', className) : this.defaultClass();
    if (className && !found) throw rejection(request, `no PriorityClass with name ${className} was found`);
    if (!found) return { name: '', value: 0, policy: 'PreemptLowerPriority' };
    return { name: found.metadata.name, value: (found['value'] as number) ?? 0, policy: found['preemptionPolicy'] };
  }

  /** Two defaults can only come from a race: the lower one counts. */
  private defaultClass(): KubeObject | undefined {
    const defaults = this.lister.list(CLASSES).filter((item) => item['globalDefault']);
    return defaults.sort((a, b) => a['value'] - b['value'])[0];
  }
}
