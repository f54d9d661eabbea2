import type { KubeObject } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionTarget } from '../admission.js';
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

  admit(attributes: AdmissionAttributes): void {
    if (attributes.resource.resource !== 'pods') return;
    const spec = (attributes.object!['spec'] ??= {});
    if (attributes.operation === 'UPDATE') {
      const old = attributes.oldObject!['spec'];
      spec.priority ??= old.priority;
      spec.preemptionPolicy ??= old.preemptionPolicy;
      if (spec.priority === undefined) delete spec.priority;
      if (spec.preemptionPolicy === undefined) delete spec.preemptionPolicy;
      return;
    }
    const { name, value, policy } = this.resolve(attributes, spec.priorityClassName);
    if (name) spec.priorityClassName = name;
    if (spec.priority != null && spec.priority !== value) {
      throw rejection(
        attributes,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
      );
    }
    spec.priority = value;
    if (!policy) return;
    if (spec.preemptionPolicy != null && spec.preemptionPolicy !== policy) {
      throw rejection(
        attributes,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
      );
    }
    spec.preemptionPolicy = policy;
  }

  validate(attributes: AdmissionAttributes): void {
    if (attributes.resource.resource !== 'priorityclasses' || !attributes.object!['globalDefault']) return;
    const current = this.defaultClass();
    if (!current) return;
    if (attributes.operation === 'UPDATE' && current.metadata.name === attributes.object!.metadata.name) return;
    throw rejection(
      attributes,
      `PriorityClass ${current.metadata.name} is already marked as default. Only one default can exist`,
    );
  }

  private resolve(attributes: AdmissionAttributes, className: string | undefined) {
    const found = className ? this.lister.get(CLASSES, '', className) : this.defaultClass();
    if (className && !found) throw rejection(attributes, `no PriorityClass with name ${className} was found`);
    if (!found) return { name: '', value: 0, policy: 'PreemptLowerPriority' };
    return { name: found.metadata.name, value: (found['value'] as number) ?? 0, policy: found['preemptionPolicy'] };
  }

  /** Two defaults can only come from a race: the lower one counts. */
  private defaultClass(): KubeObject | undefined {
    const defaults = this.lister.list(CLASSES).filter((item) => item['globalDefault']);
    return defaults.sort((a, b) => a['value'] - b['value'])[0];
  }
}
