import type { ApiRequest, AuthorizedRequest } from './api-request.js';
import type { ApiResult } from './api-result.js';

/** Collects what the response says beside its body. */
export interface ResponseNotes {
  /** Texts of Warning headers, in order. */
  warnings: string[];
}

/** The object path, in two steps: a caller has something to do in between, such as reading a body. Both throw StatusError. */
export interface ApiHandler {
  authorize(request: ApiRequest): Promise<AuthorizedRequest>;
  handle(request: AuthorizedRequest, notes: ResponseNotes): Promise<ApiResult>;
}
