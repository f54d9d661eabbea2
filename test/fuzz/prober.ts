import type { Answer, Identity, Request } from '../attack/requester.js';

/** Something that may not be. `request` is the one whose answer shows it. */
export interface Finding {
  seed: number;
  kind: string;
  what: string;
  request: Request;
  answer: Answer;
}

export type Send = (identity: Identity, request: Request) => Promise<Answer>;

/** Answers from 500 on that the reference gives as well. */
const OF_THE_REFERENCE: { code: number; text: RegExp; why: string }[] = [
  { code: 500, text: /failed to create typed patch object/, why: 'an applied object that does not fit its type' },
  { code: 504, text: /Too large resource version/, why: 'a revision of the future' },
  // Patches that it cannot merge: a server error without a reason, in the words of its strategic merge.
  ...[
    /expected a \S+( \S+)?, but received a/,
    /unknown patch type: /,
    /The order in patch list:/,
    /does not contain declared merge key: /,
    /list element types are not identical: /,
    /no elements in any of the given slices/,
    /cannot merge lists without merge key for /,
    /merging lists cannot yet be specified in the patch/,
  ].map((text) => ({ code: 500, text, why: 'a strategic merge patch that fits no merge' })),
];

/** Sends the requests of one round and holds every answer against what holds for all of them. */
export class Prober {
  requests = 0;
  accepted = 0;
  readonly findings: Finding[] = [];

  constructor(
    private readonly transport: Send,
    private readonly identity: Identity,
    readonly seed: number,
    readonly kind: string,
  ) {}

  async send(request: Request): Promise<Answer> {
    this.requests += 1;
    const answer = await this.transport(this.identity, request);
    if (answer.code >= 200 && answer.code < 300) this.accepted += 1;
    if (answer.code === 0) this.found('no answer', request, answer);
    if (answer.code >= 500 && !isOfTheReference(answer)) this.found('a server error', request, answer);
    if (answer.code >= 400 && !isStatus(answer)) this.found('an error that is no Status', request, answer);
    return answer;
  }

  found(what: string, request: Request, answer: Answer): void {
    this.findings.push({ seed: this.seed, kind: this.kind, what, request, answer });
  }
}

function isOfTheReference(answer: Answer): boolean {
  return OF_THE_REFERENCE.some(({ code, text }) => answer.code === code && text.test(answer.text));
}

/** Errors are Status objects, in whichever encoding; negotiation and paths beside the API have plain text. */
function isStatus({ headers, text }: Answer): boolean {
  const type = String(headers['content-type'] ?? '');
  if (!type.startsWith('application/json')) return true;
  try {
    return JSON.parse(text).kind === 'Status';
  } catch {
    return false;
  }
}
