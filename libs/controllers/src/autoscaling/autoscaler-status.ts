import { deepEqual } from '#apimachinery';
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricStatus,
} from '#kinds';

export type ConditionType = 'AbleToScale' | 'ScalingActive' | 'ScalingLimited' | 'ScaledToZero';

/** The status of an autoscaler while one look at it goes on. */
export class AutoscalerStatus {
  private status: HorizontalPodAutoscalerStatus;
  private readonly before: HorizontalPodAutoscalerStatus | undefined;

  constructor(
    private readonly autoscaler: HorizontalPodAutoscaler,
    /** As the API writes it. */
    private readonly timestamp: string,
  ) {
    this.before = autoscaler.status;
    this.status = { desiredReplicas: 0, ...autoscaler.status };
  }

  get currentReplicas(): number {
    return this.status.currentReplicas ?? 0;
  }

  isTrue(type: ConditionType): boolean {
    return this.status.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
  }

  set(type: ConditionType, isTrue: boolean, reason: string, message: string): void {
    const conditions = this.status.conditions ?? [];
    const old = conditions.find((condition) => condition.type === type);
    const status = isTrue ? 'True' : 'False';
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : this.timestamp;
    const condition: HorizontalPodAutoscalerCondition = { type, status, lastTransitionTime, reason, message };
    const kept = conditions.map((item) => (item === old ? condition : item));
    this.status = { ...this.status, conditions: old ? kept : [...kept, condition] };
  }

  /** What was seen: numbers and metrics. `desired` undefined: as before. */
  observe(current: number, desired: number | undefined, metrics: readonly MetricStatus[], rescaled: boolean): void {
    const { desiredReplicas, lastScaleTime, conditions } = this.status;
    const status: HorizontalPodAutoscalerStatus = {
      currentReplicas: current,
      desiredReplicas: desired ?? desiredReplicas,
      observedGeneration: this.autoscaler.metadata.generation,
    };
    const scaled = rescaled ? this.timestamp : lastScaleTime;
    if (scaled !== undefined) status.lastScaleTime = scaled;
    if (metrics.length > 0) status.currentMetrics = [...metrics];
    if (conditions !== undefined) status.conditions = conditions;
    this.status = status;
  }

  /** What has to be written; undefined when that is there. */
  get changed(): HorizontalPodAutoscalerStatus | undefined {
    return deepEqual(this.before, this.status) ? undefined : this.status;
  }
}
