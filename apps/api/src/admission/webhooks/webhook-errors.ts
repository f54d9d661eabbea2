import { badRequest, type Status, StatusError } from '#apimachinery';

/** A webhook that could not be asked, or whose answer says nothing: its failurePolicy decides what becomes of the request. */
export class WebhookFailure extends Error {
  constructor(
    webhook: string,
    reason: string,
    /** HTTP status that metrics count it as. */
    readonly code: number,
    /** The request that asked is over. */
    readonly isCanceled = false,
  ) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${reason}`);
  }
}

/** A webhook's no. It is final: a newer state of the cluster is no reason to ask again. */
export class WebhookDenial extends StatusError {
  /** `result` is what the webhook says, of the types of a Status. */
  static by(webhook: string, result: Partial<Status> = {}): WebhookDenial {
    const { details, metadata = {}, status = '', message = '', reason = '' } = result;
    return new WebhookDenial({
      kind: 'Status',
      apiVersion: 'v1',
      metadata,
      status: status === 'Success' ? 'Failure' : status || 'Failure',
      message: `admission webhook ${JSON.stringify(webhook)} denied the request${explanation(message || reason)}`,
      ...(reason === '' ? undefined : { reason }),
      ...(details === undefined ? undefined : { details }),
      code: codeOf(result.code),
    } as Status);
  }
}

/** The 400 of a dry run that a webhook does not take. */
export function dryRunUnsupported(webhook: string): StatusError {
  return badRequest(`admission webhook ${JSON.stringify(webhook)} does not support dry run`);
}

function explanation(text: string): string {
  return text === '' ? ' without explanation' : `: ${text}`;
}

/** Nothing below 400 is a refusal, and nothing above 999 can be sent. */
function codeOf(code = 0): number {
  if (code < 400) return 400;
  return code > 999 ? 500 : code;
}
