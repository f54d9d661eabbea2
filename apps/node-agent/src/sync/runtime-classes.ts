import { type KubeObject, notFound } from '#apimachinery';
import type { SharedInformers } from '#client';
import { gvr } from '#kinds';
import type { Pod } from '../pod/pod.js';

interface RuntimeClass extends KubeObject {
  handler: string;
}

/** How long a pod's start waits for the first list of classes; milliseconds. The start is tried again. */
const FIRST_LIST = 2000;

/** RuntimeClasses by name. They are watched from the first pod on that has one: most nodes never see any. */
export class RuntimeClasses {
  constructor(
    private readonly informers: Pick<SharedInformers, 'for'>,
    private readonly signal: AbortSignal,
  ) {}

  /** The runtime's handler for the pod; '' is its default. Throws NotFound when there is no such class. */
  async handler({ spec: { runtimeClassName } }: Pod): Promise<string> {
    if (!runtimeClassName) return '';
    const classes = this.informers.for<RuntimeClass>(gvr.runtimeclasses);
    const limit = AbortSignal.any([this.signal, AbortSignal.timeout(FIRST_LIST)]);
    await classes.whenSynced(limit).catch(() => {});
    const found = classes.get('', runtimeClassName);
    if (!found) throw notFound({ group: gvr.runtimeclasses.group, resource: 'runtimeclass' }, runtimeClassName);
    return found.handler;
  }
}
