import { formatTime, type KubeObject, type LabelMatcher, parseLabelSelector } from '#apimachinery';
import type { Informer, Requeue } from '#client';
import { gvr, type HorizontalPodAutoscaler, type MetricSpec, type MetricStatus, type Pod } from '#kinds';
import { type Controller, type ControllerContext, type ControllerRuntime, runtimeFor } from '../context.js';
import { controller } from '../controller.js';
import { selectedBy } from '../indexes.js';
import { podInformer } from '../workload/pods.js';
import {
  boundsOf,
  type Change,
  changeByMetrics,
  changeWithoutMetrics,
  combine,
  hasObjectMetrics,
  tolerancesOf,
} from './autoscaler.plan.js';
import { type Action, AutoscalerMetrics } from './autoscaler-metrics.js';
import { AutoscalerStatus } from './autoscaler-status.js';
import { MetricFailure, type MetricProposal, type ProposalContext, propose, type Target } from './metric-proposal.js';
import { MetricsClient } from './metrics-client.js';
import { InvalidReference, ScaleTarget } from './scale-target.js';
import { ScalingHistory } from './scaling-history.js';
import { SelectorOverlap } from './selector-overlap.js';

/** Defaults of kube-controller-manager, in milliseconds. */
const SYNC_PERIOD_MS = 15_000;
const CPU_INITIALIZATION_PERIOD_MS = 300_000;
const INITIAL_READINESS_DELAY_MS = 30_000;

export function horizontalPodAutoscalerController(context: ControllerContext): Controller {
  const runtime = runtimeFor(context, 'horizontal-pod-autoscaler');
  const autoscalers = new HorizontalPodAutoscalers(runtime);
  return controller('horizontal-pod-autoscaler-controller', runtime)
    .for<HorizontalPodAutoscaler>(gvr.horizontalpodautoscalers, {
      // A status that was written is no news.
      when: (autoscaler, old) => old === undefined || old.metadata.generation !== autoscaler.metadata.generation,
      observe: {
        add: (autoscaler) => autoscalers.register(autoscaler),
        delete: (autoscaler) => autoscalers.forget(autoscaler),
      },
    })
    .reads(gvr.pods)
    .reconcile((key) => autoscalers.reconcile(key));
}

/** An autoscaler whose target or metrics are not there: retried at the next look, not by back-off. */
class LookFailure extends Error {
  constructor(
    message: string,
    readonly isSpecError = false,
  ) {
    super(message);
  }
}

interface Looked {
  action: Action;
  /** What is wrong with metrics that were not needed. */
  failure?: string;
}

/** Scales targets by what their pods and other objects show, once in 15 s each. */
class HorizontalPodAutoscalers {
  private readonly autoscalers: Informer<HorizontalPodAutoscaler>;
  private readonly pods: Informer<Pod>;
  private readonly sources: MetricsClient;
  private readonly overlap = new SelectorOverlap();
  /** By uid: a new autoscaler of the same name begins anew, also when nobody has seen the old one go. */
  private readonly histories = new Map<string, ScalingHistory>();
  private readonly counts: AutoscalerMetrics;

  constructor(private readonly runtime: ControllerRuntime) {
    const { informers, client, resources, metrics } = runtime;
    this.autoscalers = informers.for<HorizontalPodAutoscaler>(gvr.horizontalpodautoscalers);
    this.pods = podInformer(informers);
    this.sources = new MetricsClient(client, resources);
    this.counts = new AutoscalerMetrics(metrics);
  }

  register({ metadata }: HorizontalPodAutoscaler): void {
    this.overlap.register(metadata.namespace!, metadata.name!);
    this.counts.counted(this.overlap.size);
  }

  forget(autoscaler: HorizontalPodAutoscaler): void {
    const { namespace, name } = autoscaler.metadata;
    this.overlap.forget(namespace!, name!);
    this.histories.delete(autoscaler.metadata.uid!);
    this.counts.counted(this.overlap.size);
  }

  async reconcile(key: string): Promise<Requeue | undefined> {
    const autoscaler = this.autoscalers.getByKey(key);
    if (!autoscaler) return undefined;
    const { clock, logger } = this.runtime;
    const begun = clock.now();
    try {
      const { action, failure } = await this.look(autoscaler);
      if (failure !== undefined)
        logger.warn('some metrics of an autoscaler are not there', { autoscaler: key, failure });
      this.counts.reconciled(action, failure === undefined ? 'none' : 'internal', clock.now() - begun);
    } catch (error) {
      const isSpecError = error instanceof LookFailure && error.isSpecError;
      logger.warn('an autoscaler cannot scale', { autoscaler: key, error });
      this.counts.reconciled('none', isSpecError ? 'spec' : 'internal', clock.now() - begun);
    }
    return { requeueAfter: SYNC_PERIOD_MS };
  }

  private async look(autoscaler: HorizontalPodAutoscaler): Promise<Looked> {
    const { clock } = this.runtime;
    const now = clock.now();
    const { namespace } = autoscaler.metadata;
    const { kind, name } = autoscaler.spec.scaleTargetRef;
    const reference = `${kind}/${namespace}/${name}`;
    const status = new AutoscalerStatus(autoscaler, formatTime(new Date(now)));
    const target = await this.findTarget(autoscaler, status, reference);
    status.set(
      'AbleToScale',
      true,
      'SucceededGetScale',
      "the HPA controller was able to get the target's current scale",
    );
    const current = target.scale.spec?.replicas ?? 0;
    const bounds = boundsOf(autoscaler, current);
    const uid = autoscaler.metadata.uid!;
    const history = this.histories.get(uid) ?? new ScalingHistory(current, now);
    this.histories.set(uid, history);

    let change = changeWithoutMetrics(autoscaler, bounds, status);
    let statuses: MetricStatus[] = [];
    let failure: string | undefined;
    if (!change) {
      const measured = await this.measure(autoscaler, target, status, now);
      ({ statuses, failure } = measured);
      if (!measured.proposal) {
        const why = failure ?? 'no metrics';
        status.observe(current, undefined, statuses, false);
        await this.writeOrLog(autoscaler, status);
        this.tell(autoscaler, 'Warning', 'FailedComputeMetricsReplicas', why);
        const what = 'failed to compute desired number of replicas based on listed metrics';
        throw new LookFailure(`${what} for ${reference}: ${why}`, measured.isSpecError);
      }
      change = changeByMetrics(autoscaler, measured.proposal, bounds, status, history, now);
    }
    const rescaled = change.replicas !== current;
    if (rescaled) {
      await this.rescale(autoscaler, target, change, statuses, status, reference);
      const { behavior } = autoscaler.spec;
      const rules = { up: behavior?.scaleUp ?? {}, down: behavior?.scaleDown ?? {} };
      if (behavior) history.scaled(current, change.replicas, rules, now);
    }
    status.observe(current, change.replicas, statuses, rescaled);
    this.counts.desires(namespace!, autoscaler.metadata.name!, change.replicas);
    await this.write(autoscaler, status);
    if (!rescaled) return { action: 'none', failure };
    return { action: change.replicas > current ? 'scale_up' : 'scale_down', failure };
  }

  private async findTarget(
    autoscaler: HorizontalPodAutoscaler,
    status: AutoscalerStatus,
    reference: string,
  ): Promise<ScaleTarget> {
    const { client, resources } = this.runtime;
    try {
      return await ScaleTarget.find(client, resources, autoscaler.metadata.namespace!, autoscaler.spec.scaleTargetRef);
    } catch (error) {
      const { message } = error as Error;
      this.tell(autoscaler, 'Warning', 'FailedGetScale', message);
      const why = `the HPA controller was unable to get the target's current scale: ${message}`;
      status.set('AbleToScale', false, 'FailedGetScale', why);
      await this.writeOrLog(autoscaler, status);
      throw new LookFailure(`${reference}: ${message}`, error instanceof InvalidReference);
    }
  }

  private async measure(
    autoscaler: HorizontalPodAutoscaler,
    { scale }: ScaleTarget,
    status: AutoscalerStatus,
    now: number,
  ): Promise<ReturnType<typeof combine> & { isSpecError: boolean }> {
    const specReplicas = scale.spec?.replicas ?? 0;
    let target: Target;
    try {
      const selector = scale.status?.selector ?? '';
      const pods = this.selected(autoscaler, selector, status);
      target = { specReplicas, statusReplicas: scale.status?.replicas ?? 0, selector, pods };
    } catch (error) {
      return { statuses: [], proposal: undefined, failure: (error as Error).message, isSpecError: false };
    }
    const context: ProposalContext = {
      metrics: this.sources,
      autoscaler,
      target,
      tolerances: tolerancesOf(autoscaler),
      settings: {
        cpuInitializationPeriod: CPU_INITIALIZATION_PERIOD_MS,
        initialReadinessDelay: INITIAL_READINESS_DELAY_MS,
        now,
      },
    };
    const results: (MetricProposal | MetricFailure)[] = [];
    for (const spec of autoscaler.spec.metrics ?? []) results.push(await this.measureOne(context, spec, status));
    const first = results.find((result) => result instanceof MetricFailure);
    return { ...combine(results, specReplicas, status), isSpecError: first?.isSpecError ?? false };
  }

  private async measureOne(
    context: ProposalContext,
    spec: MetricSpec,
    status: AutoscalerStatus,
  ): Promise<MetricProposal | MetricFailure> {
    const { clock } = this.runtime;
    const begun = clock.now();
    try {
      const proposal = await propose(context, spec);
      const difference = proposal.replicas - status.currentReplicas;
      const action = difference > 0 ? 'scale_up' : difference < 0 ? 'scale_down' : 'none';
      this.counts.computed(action, 'none', spec.type, clock.now() - begun);
      return proposal;
    } catch (error) {
      if (!(error instanceof MetricFailure)) throw error;
      this.tell(context.autoscaler, 'Warning', error.reason, error.why);
      this.counts.computed('none', error.isSpecError ? 'spec' : 'internal', spec.type, clock.now() - begun);
      return error;
    }
  }

  /** The target's pods. Throws for a selector that is none, or of which another autoscaler has some pods, too. */
  private selected(autoscaler: HorizontalPodAutoscaler, selector: string, status: AutoscalerStatus): readonly Pod[] {
    const { namespace = '', name = '' } = autoscaler.metadata;
    const refuse = (event: string, reason: string, message: string, shown = message): never => {
      this.tell(autoscaler, 'Warning', event, message);
      status.set('ScalingActive', false, reason, shown);
      throw new Error(message);
    };
    if (selector === '') {
      const shown = "the HPA target's scale is missing a selector";
      return refuse('SelectorRequired', 'InvalidSelector', 'selector is required', shown);
    }
    let matcher: LabelMatcher;
    try {
      matcher = parseLabelSelector(selector);
    } catch (error) {
      const what = "couldn't convert selector into a corresponding internal selector object";
      return refuse('InvalidSelector', 'InvalidSelector', `${what}: ${(error as Error).message}`);
    }
    if (!this.overlap.set(namespace, name, matcher)) {
      throw new Error(`HPA ${namespace}/${name} was deleted during reconciliation`);
    }
    const pods = this.podsOf(namespace, matcher);
    const looking = this.overlap.looking(namespace, pods, 2);
    if (looking.length > 1) {
      const names = looking.map((other) => `{${other} ${namespace}}`).join(' ');
      const message = `pods by selector ${selector} are controlled by more than one HPA (e.g. [${names}])`;
      return refuse('AmbiguousSelector', 'AmbiguousSelector', message);
    }
    return pods;
  }

  private podsOf(namespace: string, matcher: LabelMatcher): Pod[] {
    const matchLabels = new Map<string, string>();
    for (const { key, operator, values } of matcher.requirements) {
      if (operator === '=' || operator === '==') matchLabels.set(key, values[0]!);
    }
    const candidates = selectedBy(this.pods, namespace, { matchLabels: Object.fromEntries(matchLabels) });
    return candidates.filter((pod) => matcher.matches(pod.metadata.labels));
  }

  private async rescale(
    autoscaler: HorizontalPodAutoscaler,
    target: ScaleTarget,
    { replicas, reason }: Change,
    statuses: readonly MetricStatus[],
    status: AutoscalerStatus,
    reference: string,
  ): Promise<void> {
    const current = target.scale.spec?.replicas ?? 0;
    try {
      await target.rescale(replicas);
    } catch (error) {
      const { message } = error as Error;
      this.tell(autoscaler, 'Warning', 'FailedRescale', `New size: ${replicas}; reason: ${reason}; error: ${message}`);
      const why = `the HPA controller was unable to update the target scale: ${message}`;
      status.set('AbleToScale', false, 'FailedUpdateScale', why);
      status.observe(current, undefined, statuses, false);
      await this.writeOrLog(autoscaler, status);
      throw new LookFailure(`failed to rescale ${reference}: ${message}`);
    }
    const done = `the HPA controller was able to update the target scale to ${replicas}`;
    status.set('AbleToScale', true, 'SucceededRescale', done);
    this.tell(autoscaler, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${reason}`);
    const isToZero = current > 0 && replicas === 0 && hasObjectMetrics(autoscaler);
    const message = isToZero
      ? 'the HPA controller scaled the workload to zero'
      : 'the HPA controller did not scale the workload to zero';
    status.set('ScaledToZero', isToZero, isToZero ? 'ScaledToZero' : 'NotScaledToZero', message);
  }

  private tell(autoscaler: HorizontalPodAutoscaler, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.runtime.recorder.event(autoscaler, type, reason, message);
  }

  private async write(autoscaler: HorizontalPodAutoscaler, { changed }: AutoscalerStatus): Promise<void> {
    if (!changed) return;
    const { namespace, name } = autoscaler.metadata;
    const written: KubeObject = { ...autoscaler, status: changed };
    try {
      await this.runtime.client.update(gvr.horizontalpodautoscalers, namespace!, written, { subresource: 'status' });
    } catch (error) {
      const { message } = error as Error;
      this.tell(autoscaler, 'Warning', 'FailedUpdateStatus', message);
      throw new Error(`failed to update status for ${name}: ${message}`);
    }
  }

  /** Beside a failure that says more. */
  private async writeOrLog(autoscaler: HorizontalPodAutoscaler, status: AutoscalerStatus): Promise<void> {
    try {
      await this.write(autoscaler, status);
    } catch (error) {
      this.runtime.logger.warn('the status of an autoscaler was not written', { error });
    }
  }
}
