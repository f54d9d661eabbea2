import type { GroupVersionKind, GroupVersionResource, KubeObject, UserInfo } from '#apimachinery';
import type { AdmissionOperation, AdmissionRequest } from '../../admission/admission-request.js';
import type { Reinvocation } from '../../admission/reinvocation.js';
import { optionsBody } from '../request-options.js';
import type { WriteCall } from './write-call.js';

/** A write as admission sees it: made once an attempt, its parts when somebody asks for them. */
export class CallAdmission implements AdmissionRequest {
  readonly operation: AdmissionOperation;
  /** '' where the name is made after the mutating plugins; then the one that was made last. */
  name: string;
  object: KubeObject | undefined;
  annotations: Map<string, string> | undefined;
  reinvocation: Reinvocation | undefined;

  constructor(private readonly call: WriteCall) {
    const { plan, target, current } = call;
    this.operation = plan.operation;
    this.name = target.name || current?.name || '';
    if (plan.operation !== 'DELETE') this.show(call.object);
  }

  /** What is about to be stored, as plugins see it. */
  show(object: KubeObject): void {
    this.object = this.call.plan.view?.of(object) ?? object;
    // Generated after the mutating plugins, and once more where it was taken.
    if (this.name === '' || this.call.generatesName) this.name = this.object.metadata.name ?? '';
  }

  get kind(): GroupVersionKind {
    const { group, version, kind } = this.call.entry.definition;
    return this.call.sentKind ?? this.call.plan.view?.kind ?? { group, version, kind };
  }

  get resource(): GroupVersionResource {
    const { group, version, plural } = this.call.entry.definition;
    return { group, version, resource: plural };
  }

  get subresource(): string {
    return this.call.target.subresource;
  }

  get requestKind(): GroupVersionKind {
    return this.kind;
  }

  get requestResource(): GroupVersionResource {
    return this.resource;
  }

  get requestSubresource(): string {
    return this.subresource;
  }

  get namespace(): string {
    const { entry, target } = this.call;
    if (target.namespace !== '') return target.namespace;
    // A namespace is in itself.
    return entry.definition.storageResource === 'namespaces' ? this.name : '';
  }

  get oldObject(): KubeObject | undefined {
    const { old, plan } = this.call;
    return old && (plan.view?.of(old) ?? old);
  }

  get options(): Readonly<Record<string, unknown>> {
    const { operation, options, optionsKind = OPTIONS_KINDS[operation] } = this.call.plan;
    return optionsBody(optionsKind, options);
  }

  get user(): UserInfo {
    return this.call.target.user;
  }

  get dryRun(): boolean {
    return this.call.plan.options.dryRun;
  }

  annotate(key: string, value: string, from?: 'Request'): void {
    this.annotations ??= new Map();
    this.annotations.set(key, value);
    this.call.target.record?.annotate(key, value, from);
  }

  warn(text: string): void {
    this.call.warnings.push(text);
  }

  get signal(): AbortSignal {
    return this.call.target.lifetime.signal;
  }
}

const OPTIONS_KINDS = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' } as const;
