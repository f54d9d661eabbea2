import { type Clock, delay, type Informer, type Logger, objectKey, type SharedInformers } from '#client';
import { type EndpointSlice, gvr } from '#kinds';
import type { PodEndpoints } from '../execute/step-services.js';
import type { Pod } from '../pod/pod.js';
import { isServing } from './endpoint-choice.js';

/** Milliseconds for the ingress and the other nodes, which follow the same slices, and for requests that are on their way. */
const OTHERS = 250;

export interface ExitContext {
  informers: SharedInformers;
  /** Resolves when the kernel's rules follow all slices that are known now. */
  rulesWritten(): Promise<void>;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
}

/** How pods that are told to stop leave the Services whose endpoints they are. */
export class EndpointExit implements PodEndpoints {
  /** Undefined before the service proxy runs; without one, another program leads flows to pods. */
  private running: (ExitContext & { slices: Informer<EndpointSlice> }) | undefined;
  /** By uid: what each container of a pod waits for before its signal. */
  private readonly leaving = new Map<string, Promise<void>>();

  start(context: ExitContext): void {
    this.running = { ...context, slices: context.informers.for<EndpointSlice>(gvr.endpointslices) };
  }

  leave(pod: Pod, milliseconds: number): Promise<void> {
    const { uid } = pod.metadata;
    const known = this.leaving.get(uid);
    if (known) return known;
    const leaving = this.exit(pod, milliseconds);
    this.leaving.set(uid, leaving);
    return leaving;
  }

  release(uid: string): void {
    this.leaving.delete(uid);
  }

  private async exit({ metadata: { uid, namespace, name } }: Pod, milliseconds: number): Promise<void> {
    if (!this.running) return;
    const { slices, clock, logger, signal, rulesWritten } = this.running;
    const offering = slices.list(namespace).filter((slice) => lists(slice, uid));
    if (offering.length === 0) return;
    const over = new AbortController();
    const left = async (): Promise<true> => {
      const keys = offering.map(objectKey);
      await changed(slices, () => !keys.some((key) => offers(slices.getByKey(key), uid)), over.signal);
      await rulesWritten();
      await delay(clock, OTHERS, over.signal);
      return true;
    };
    const late = delay(clock, milliseconds, over.signal);
    const isLate = !(await Promise.race([left(), late]));
    over.abort();
    // Nobody tells an agent that ends what others know: the next one waits anew, and sends the stop signal then.
    if (signal.aborted) await new Promise(() => {});
    if (isLate) {
      logger.warn('a pod stops although new connections may still be led to it', { pod: `${namespace}/${name}` });
    }
  }
}

/** The pod may get flows, or may have got some until now. */
function lists({ endpoints }: EndpointSlice, uid: string): boolean {
  return (endpoints ?? []).some((endpoint) => endpoint.targetRef?.uid === uid && isServing(endpoint));
}

/** The slice does not know yet that the pod stops. */
function offers(slice: EndpointSlice | undefined, uid: string): boolean {
  return (slice?.endpoints ?? []).some(
    (endpoint) => endpoint.targetRef?.uid === uid && isServing(endpoint) && !endpoint.conditions?.terminating,
  );
}

/** Resolves when the check is true; looks after each event of the informer, until the signal fires. */
function changed(slices: Informer<EndpointSlice>, check: () => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      remove();
      resolve();
    };
    const look = () => {
      if (check()) finish();
    };
    const remove = slices.addHandler({ update: look, delete: look });
    signal.addEventListener('abort', finish, { once: true });
    look();
  });
}
