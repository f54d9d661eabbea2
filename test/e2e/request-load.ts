import { Agent, get } from 'node:http';

/**
 * Steady requests, each by a connection of its own: `node request-load.js EVERY_MS NAME=URL=HOST ...`. Runs until its input ends,
 * and prints a line of JSON: requests and failures by name.
 */
const [every, ...targets] = process.argv.slice(2);
const PATIENCE = 5000;

export interface LoadResult {
  requests: number;
  /** What went wrong, with when; ms since the epoch. */
  failures: string[];
}

const results: Record<string, LoadResult> = {};
const running = new Set<Promise<void>>();

function request(url: string, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { headers: { host }, agent: new Agent({ keepAlive: false }), timeout: PATIENCE };
    const sent = get(url, options, (response) => {
      response.resume();
      response.on('error', (error) => resolve(`in the answer: ${error.message}`));
      response.on('end', () => resolve(response.statusCode === 200 ? undefined : `status ${response.statusCode}`));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', (error) => resolve(error.message));
  });
}

const timers = targets.map((target) => {
  const [name, url, host] = target.split('=') as [string, string, string];
  const result: LoadResult = { requests: 0, failures: [] };
  results[name] = result;
  return setInterval(() => {
    result.requests++;
    const one = request(url, host).then((failure) => {
      if (failure) result.failures.push(`${Date.now()} ${failure}`);
      running.delete(one);
    });
    running.add(one);
  }, Number(every));
});

process.stdin.resume();
process.stdin.on('end', async () => {
  timers.forEach(clearInterval);
  await Promise.all(running);
  console.log(JSON.stringify(results));
  process.exit(0);
});
