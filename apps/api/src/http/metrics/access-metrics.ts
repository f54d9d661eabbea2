import { asStatusError, type UserInfo } from '#apimachinery';
import { type Cell, type Distribution, exponentialBuckets, type MetricsRegistry } from '#telemetry';

const SECONDS = exponentialBuckets(0.001, 2, 15);
/** Names that upstream shows; those of all others are nobody's business. */
const SHOWN_USERS = ['admin', 'client', 'kube_proxy', 'kubelet', 'system:serviceaccount:kube-system:default'];
const EMAIL = 'email_id';

interface Outcome {
  count: Cell;
  duration: Distribution;
}

/** Who was let in, and what was allowed, as kube-apiserver counts it. Times are given in milliseconds. */
export class AccessMetrics {
  private readonly authentication: Record<'success' | 'failure' | 'error', Outcome>;
  private readonly authorization: Record<'allowed' | 'no-opinion' | 'error', Outcome>;
  private readonly users;

  constructor(registry: MetricsRegistry) {
    const labels = { result: ['success', 'failure', 'error'] };
    const attempts = registry.counter({
      name: 'authentication_attempts',
      help: 'Attempts to tell who sends a request, by result.',
      labels,
    });
    const seconds = registry.histogram(
      { name: 'authentication_duration_seconds', help: 'Time to tell who sends a request, in seconds.', labels },
      SECONDS,
    );
    const identified = (result: string) => ({ count: attempts.cell(result), duration: seconds.cell(result) });
    this.authentication = {
      success: identified('success'),
      failure: identified('failure'),
      error: identified('error'),
    };
    const results = { result: ['allowed', 'denied', 'no-opinion', 'error'] };
    const decisions = registry.counter({
      name: 'authorization_attempts_total',
      help: 'Decisions whether requests are allowed, by result.',
      labels: results,
    });
    const times = registry.histogram(
      { name: 'authorization_duration_seconds', help: 'Time to decide, in seconds.', labels: results },
      SECONDS,
    );
    const decided = (result: string) => ({ count: decisions.cell(result), duration: times.cell(result) });
    this.authorization = {
      allowed: decided('allowed'),
      'no-opinion': decided('no-opinion'),
      error: decided('error'),
    };
    this.users = registry.counter({
      name: 'authenticated_user_requests',
      help: 'Requests by user, of whom few are told apart.',
      labels: { username: [...SHOWN_USERS, EMAIL] },
    });
  }

  /** `offered`: the sender had credentials. */
  async identified(offered: boolean, work: Promise<UserInfo>): Promise<UserInfo> {
    const begun = performance.now();
    try {
      const user = await work;
      this.known(user, performance.now() - begun);
      return user;
    } catch (error) {
      note(this.authentication[offered ? 'error' : 'failure'], performance.now() - begun);
      throw error;
    }
  }

  known({ name }: UserInfo, ms: number): void {
    note(this.authentication.success, ms);
    this.users.cell(SHOWN_USERS.includes(name) ? name : name.includes('@') ? EMAIL : 'other').value += 1;
  }

  async decided<T>(work: Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      const allowed = await work;
      note(this.authorization.allowed, performance.now() - begun);
      return allowed;
    } catch (error) {
      const result = asStatusError(error).code === 403 ? 'no-opinion' : 'error';
      note(this.authorization[result], performance.now() - begun);
      throw error;
    }
  }
}

function note({ count, duration }: Outcome, ms: number): void {
  count.value += 1;
  duration.observe(ms / 1000);
}
