import { appendAll, type GroupVersionKind, type KubeObject } from '#apimachinery';
import type { WriteContext } from '#kinds';
import type { CachedObject, CounterDelta, Guard, ObjectKey, Write } from '../../storage/store.js';
import type { ApiRequest } from '../api-request.js';
import { keyOf } from '../object-key.js';
import type { RegistryContext } from '../registry-context.js';
import { type ResourceEntry, servedObject } from '../resource-table.js';
import type { CallAdmission } from './call-admission.js';
import type { WriteSetPart } from './write-participant.js';
import type { WritePlan } from './write-plan.js';

/** The part of a request that every write has, also one that the server makes on behalf of another. */
export type WriteTarget = Pick<
  ApiRequest,
  'namespace' | 'name' | 'subresource' | 'user' | 'userAgent' | 'lifetime' | 'record'
>;

/** One write on its way through the stages: what stays, and the state of the attempt that is being made. */
export class WriteCall {
  readonly key: ObjectKey;
  /** Of the body or of the stored object: whether others get their turns between the stages. */
  large: boolean;
  /** From 1. */
  attempt = 1;
  /** What was asked for at a PUT or apply that turned out to create the object. */
  permission: ApiRequest | undefined;
  /** The stored object; undefined in a create. */
  current: CachedObject | undefined;
  /** The same as the endpoint's version says it; frozen. */
  old: KubeObject | undefined;
  now!: Date;
  admission: CallAdmission | undefined;
  /** True when the commit removes the object. */
  removes = false;
  /** The object as admission left it: participants and the strategy begin here again. */
  admitted: KubeObject | undefined;
  writes: Write[] = [];
  guards: Guard[] = [];
  counters: CounterDelta[] = [];
  /** The server made the object's name. */
  generatesName = false;
  /** The last key that a commit failed on. */
  failedOn: ObjectKey | undefined;
  /** Warnings there were when the body was read: those of an attempt that fails are dropped. */
  decodeWarnings: number;
  /** Attempts since admission: with other numbers or another generated name. */
  allocations = 1;
  private made: KubeObject | undefined;
  private writing: WriteContext | undefined;

  constructor(
    readonly context: RegistryContext,
    readonly entry: ResourceEntry,
    readonly target: WriteTarget,
    public plan: WritePlan,
    readonly warnings: string[],
    largeBody = false,
    /** The kind that was sent, where it is not the resource's. */
    readonly sentKind?: GroupVersionKind,
  ) {
    this.key = keyOf(entry, target.namespace, target.name);
    this.large = largeBody;
    this.decodeWarnings = warnings.length;
  }

  /** What will be stored. */
  get object(): KubeObject {
    return this.made!;
  }

  set object(object: KubeObject) {
    this.made = object;
  }

  find(current: CachedObject): void {
    this.current = current;
    this.old = servedObject(this.entry, current);
  }

  /** What the kind's strategy is told of this attempt. */
  get writeContext(): WriteContext {
    this.writing ??= {
      user: this.target.user,
      now: this.now,
      subresource: this.plan.operation === 'CREATE' ? '' : this.target.subresource,
      warn: (text) => this.warnings.push(text),
    };
    return this.writing;
  }

  add({ writes, guards, counters }: WriteSetPart): void {
    if (writes) appendAll(this.writes, writes);
    if (guards) appendAll(this.guards, guards);
    if (counters) appendAll(this.counters, counters);
  }

  /** Forgets an attempt that another one follows. */
  restart(): void {
    this.attempt += 1;
    this.allocations = 1;
    this.current = undefined;
    this.old = undefined;
    this.admission = undefined;
    this.admitted = undefined;
    this.removes = false;
    this.writing = undefined;
    this.clearParts();
  }

  clearParts(): void {
    this.writes = [];
    this.guards = [];
    this.counters = [];
  }
}
