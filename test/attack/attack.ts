import type { Answer, Identity, Request } from './requester.js';

/** What an attack may get; `says` is how a failure words it. */
export interface Expected {
  says: string;
  accepts(answer: Answer): boolean;
}

export const codes = (...list: number[]): Expected => ({
  says: list.join(' or '),
  accepts: ({ code }) => list.includes(code),
});
/** No rights, no such thing, or no such method: nothing was read and nothing changed. */
export const refused = codes(401, 403, 404, 405);
export const forbidden = codes(403);
export const notFound = codes(404);
export const unauthorized = codes(401);
/** The client's own fault, named as one. */
export const clientError: Expected = {
  says: '4xx',
  accepts: ({ code }) => code >= 400 && code < 500,
};
/** Any answer that is no failure of the server. */
export const anyAnswer: Expected = { says: 'an answer below 500', accepts: ({ code }) => code > 0 && code < 500 };
/** Refused in the HTTP parser or before it: an error, or the connection is cut. */
export const dropped: Expected = {
  says: '4xx or a closed connection',
  accepts: ({ code }) => code === 0 || (code >= 400 && code < 500),
};

export interface Failure {
  identity: string;
  request: string;
  expected: string;
  got: string;
}

/** One attack. `finding` says in plain words what it stands for, so that a failure needs no other document. */
export interface Row<Target> {
  area: string;
  finding: string;
  /** Why it cannot run here; undefined when it can. */
  skip?(target: Target): string | undefined;
  run(attempt: Attempt, target: Target): Promise<void>;
}

export interface Outcome {
  area: string;
  finding: string;
  requests: number;
  seconds: number;
  failures: Failure[];
  skipped?: string;
}

/** What a row tries and what it finds; every answer is also held against what holds for all of them. */
export class Attempt {
  requests = 0;
  readonly failures: Failure[] = [];

  constructor(private readonly send: (identity: Identity, request: Request) => Promise<Answer>) {}

  /** Sends a request and compares the answer. A server error, or no answer at all, is a failure whatever is expected. */
  async try(identity: Identity, request: Request, expected: Expected): Promise<Answer> {
    this.requests += 1;
    const answer = await this.send(identity, request);
    const broken = answer.code >= 500 && !request.serverErrorAllowed;
    if (broken || answer.late || !expected.accepts(answer)) {
      this.failures.push({
        identity: identity.name,
        request: `${request.method ?? 'GET'} ${shorten(request.path)}${request.note ? ` (${request.note})` : ''}`,
        expected: !expected.accepts(answer) ? expected.says : broken ? 'no server error' : 'an answer, or an end',
        got: `${answer.code || 'closed'} ${shorten(answer.text.trim())}`,
      });
    }
    return answer;
  }

  /** A property that is seen beside the answers. */
  check(identity: string, request: string, expected: string, holds: boolean, got: unknown): void {
    this.requests += 1;
    if (holds) return;
    const text = typeof got === 'string' ? got : (JSON.stringify(got) ?? String(got));
    this.failures.push({ identity, request, expected, got: shorten(text, 600) });
  }
}

/** Runs `work` for each item, `parallel` at a time. */
export async function each<T>(items: Iterable<T>, work: (item: T) => Promise<unknown>, parallel = 8): Promise<void> {
  const queue = [...items];
  let at = 0;
  const worker = async () => {
    while (at < queue.length) await work(queue[at++]!);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

/** Rows whose area or finding holds one of the words; all when there are none. */
export function matching<Target>(rows: readonly Row<Target>[], words: readonly string[]): Row<Target>[] {
  if (words.length === 0) return [...rows];
  return rows.filter(({ area, finding }) => words.some((word) => `${area}: ${finding}`.includes(word)));
}

/** Seconds after which a row that does not end has failed. */
const LONGEST_ROW_S = 180;

/** Runs rows one after the other; a row that throws has failed, and the next one runs. */
export async function runRows<Target>(
  rows: readonly Row<Target>[],
  target: Target,
  send: (identity: Identity, request: Request) => Promise<Answer>,
  done: (outcome: Outcome) => void,
): Promise<void> {
  for (const { area, finding, run, skip } of rows) {
    const attempt = new Attempt(send);
    const begun = Date.now();
    const skipped = skip?.(target);
    if (skipped === undefined) {
      try {
        await within(LONGEST_ROW_S, run(attempt, target));
        if (attempt.requests === 0) attempt.check('-', '-', 'an attack that tries something', false, 'nothing tried');
      } catch (error) {
        const got = error instanceof Error ? (error.stack ?? error.message) : String(error);
        attempt.check('-', 'the attack itself', 'to run to its end', false, got);
      }
    }
    done({
      area,
      finding,
      requests: attempt.requests,
      seconds: (Date.now() - begun) / 1000,
      failures: attempt.failures,
      ...(skipped === undefined ? undefined : { skipped }),
    });
  }
}

async function within<T>(seconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function shorten(text: string, length = 160): string {
  return text.length <= length ? text : `${text.slice(0, length)}... (${text.length} characters)`;
}
