/** What an expression asks the authorizer: `authorizer.group('apps').resource('deployments').check('create')`. */
export interface CelAuthorizationQuery {
  /** The ServiceAccount that the expression names; undefined for the user of the request. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly verb: string;
  /** Of a request for something that is no resource; then the fields below are absent. */
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  /** Selectors as the expression wrote them, not yet parsed. */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface CelAuthorizationDecision {
  readonly allowed: boolean;
  readonly reason?: string;
  readonly error?: string;
}

/** Decides from memory: an evaluation does not wait. */
export interface CelAuthorizer {
  authorize(query: CelAuthorizationQuery): CelAuthorizationDecision;
  /** What `authorizer.requestResource` stands for; undefined when the request is for no resource. */
  readonly requestResource?: {
    readonly group: string;
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
}
