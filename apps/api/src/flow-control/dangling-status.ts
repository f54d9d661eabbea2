import { formatTime, isNotFound, quote } from '#apimachinery';
import type { Client, Logger } from '#client';
import { type FlowSchema, gvr, type PriorityLevelConfiguration } from '#kinds';
import { FlowController } from './flow-controller.js';

/** The reference's, so that the field has one owner whichever server wrote it. */
const FIELD_MANAGER = 'api-priority-and-fairness-config-consumer-v1';
const APPLY = 'application/apply-patch+yaml';

/** Servers that see the levels differently must not fight: a schema is written to so often in a minute, and then left for a while. */
const WRITES_PER_MINUTE = 6;
const MINUTE_MS = 60_000;

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

/** Says in the status of FlowSchemas whether their level is there. */
export class DanglingStatus {
  private readonly written = new Map<string, number[]>();

  constructor(
    private readonly client: Client,
    private readonly log: Logger,
    private readonly now: () => Date,
  ) {}

  /** Resolves with how many were written, and whether some were left out, to be looked at later. */
  async write(
    schemas: readonly FlowSchema[],
    levels: readonly PriorityLevelConfiguration[],
  ): Promise<{ written: number; left: boolean }> {
    let left = false;
    let written = 0;
    for (const schema of schemas) {
      const wanted = conditionOf(schema, levels);
      if (wanted === undefined) continue;
      if (this.mayWrite(schema.metadata.name!)) {
        await this.apply(schema, wanted);
        written += 1;
      } else left = true;
    }
    return { written, left };
  }

  private mayWrite(name: string): boolean {
    const now = this.now().getTime();
    const recent = (this.written.get(name) ?? []).filter((at) => now - at < MINUTE_MS);
    this.written.set(name, recent);
    if (recent.length >= WRITES_PER_MINUTE) return false;
    recent.push(now);
    return true;
  }

  private async apply({ metadata, apiVersion, kind }: FlowSchema, condition: Condition): Promise<void> {
    const name = metadata.name!;
    const status = { conditions: [{ ...condition, lastTransitionTime: formatTime(this.now()) }] };
    try {
      await this.client.patch(
        gvr.flowschemas,
        '',
        name,
        APPLY,
        { apiVersion, kind, metadata: { name }, status },
        { subresource: 'status', fieldManager: FIELD_MANAGER, force: true },
      );
    } catch (error) {
      if (isNotFound(error)) this.written.delete(name);
      else this.log.warn('cannot write the status of a FlowSchema', { name, error });
    }
  }
}

/** Undefined when the status says it already. */
function conditionOf(schema: FlowSchema, levels: readonly PriorityLevelConfiguration[]): Condition | undefined {
  const level = schema.spec.priorityLevelConfiguration.name;
  const found = FlowController.findsLevel(level, levels);
  const named = `This FlowSchema references the PriorityLevelConfiguration object named ${quote(level)}`;
  const wanted: Condition = found
    ? { type: 'Dangling', status: 'False', reason: 'Found', message: `${named} and it exists` }
    : { type: 'Dangling', status: 'True', reason: 'NotFound', message: `${named} but there is no such object` };
  const current = schema.status?.conditions?.find(({ type }) => type === 'Dangling');
  const { status, reason, message } = wanted;
  return current?.status === status && current.reason === reason && current.message === message ? undefined : wanted;
}
