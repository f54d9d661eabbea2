import { formatTime } from '#apimachinery';
import { objectKey, type Requeue } from '#client';
import { type Condition, gvr, type IPAddress, type ServiceCIDR } from '#kinds';
import { type Controller, type ControllerContext, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { isNeeded } from './service-cidr.plan.js';

const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
/** Milliseconds in which every server has heard of a deletion, and takes no address of the range any more. */
const GRACE = 10_000;

const READY = { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' };
const BLOCKED = {
  type: 'Ready',
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
};

/** Makes ServiceCIDRs ready to give addresses, and keeps one that is to be deleted as long as an address needs it. */
export function serviceCidrController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'service-cidrs-controller');
  const { client, clock, informers, recorder } = runtime;
  const cidrs = informers.for<ServiceCIDR>(gvr.servicecidrs);
  const addresses = informers.for<IPAddress>(gvr.ipaddresses);

  /** There is seldom one, so an address costs nothing here. */
  const terminating = () =>
    cidrs
      .list()
      .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      .map(objectKey);

  async function setCondition(cidr: ServiceCIDR, wanted: typeof READY): Promise<void> {
    const conditions: Condition[] = cidr.status?.conditions ?? [];
    const current = conditions.find(({ type }) => type === wanted.type);
    const isSame = current?.status === wanted.status && (current.reason ?? '') === wanted.reason;
    if (isSame && current!.message === wanted.message) return;
    const lastTransitionTime = formatTime(new Date(clock.now()));
    const others = conditions.filter(({ type }) => type !== wanted.type);
    const status = { ...cidr.status, conditions: [...others, { ...wanted, lastTransitionTime }] };
    await client.update<ServiceCIDR>(gvr.servicecidrs, '', { ...cidr, status }, { subresource: 'status' });
  }

  async function setFinalizers(cidr: ServiceCIDR, finalizers: string[]): Promise<ServiceCIDR> {
    return client.update<ServiceCIDR>(gvr.servicecidrs, '', { ...cidr, metadata: { ...cidr.metadata, finalizers } });
  }

  async function end(cidr: ServiceCIDR, finalizers: string[]): Promise<Requeue | undefined> {
    if (isNeeded(cidr, cidrs.list(), addresses.list())) {
      await setCondition(cidr, BLOCKED);
      return undefined;
    }
    const left = Date.parse(cidr.metadata.deletionTimestamp!) + GRACE - clock.now();
    if (left > 0) return { requeueAfter: left };
    if (!finalizers.includes(FINALIZER)) return undefined;
    // The caches come by different watches, and may both be behind: what is given up now does not come back.
    const [all, taken] = await Promise.all([
      client.list<ServiceCIDR>(gvr.servicecidrs),
      client.list<IPAddress>(gvr.ipaddresses),
    ]);
    if (isNeeded(cidr, all.items, taken.items)) await setCondition(cidr, BLOCKED);
    else
      await setFinalizers(
        cidr,
        finalizers.filter((name) => name !== FINALIZER),
      );
    return undefined;
  }

  return controller('service-cidr-controller', runtime)
    .for<ServiceCIDR>(cidrs)
    .watches<ServiceCIDR>(cidrs, terminating)
    .watches<IPAddress>(addresses, { add: terminating, delete: terminating })
    .reconcile(async (key) => {
      const cidr = cidrs.getByKey(key);
      if (!cidr) return undefined;
      const finalizers = cidr.metadata.finalizers ?? [];
      if (cidr.metadata.deletionTimestamp !== undefined) return end(cidr, finalizers);
      const held = finalizers.includes(FINALIZER) ? cidr : await setFinalizers(cidr, [...finalizers, FINALIZER]);
      try {
        await setCondition(held, READY);
      } catch (error) {
        const message = 'The ServiceCIDR Status can not be set to Ready=True';
        recorder.event(cidr, 'Warning', 'KubernetesServiceCIDRError', message);
        throw error;
      }
      return undefined;
    });
}
