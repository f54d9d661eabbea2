import type { Probe } from '#kinds';
import { expand } from '../execute/expand.js';
import { httpGet, resolvePort, tcpConnect, UnknownPort, within } from '../execute/hooks.js';
import type { Container } from '../pod/pod.js';
import { type CriRuntime, checkGrpcHealth, GrpcCode, hasCode } from '../runtime/cri.js';

/** `error`: the probe itself could not be run, which counts as neither; `warning`: a success that is worth an event. */
export interface ProbeOutcome {
  result: 'success' | 'warning' | 'failure' | 'error';
  output: string;
}

export interface ProbeTarget {
  containerId: string;
  container: Container;
  podIP: string;
}

const MAX_OUTPUT = 10 * 1024;
/** What a probe gets beyond its own timeout before nobody waits for it any more: twice what a runtime gets to end a command. Milliseconds. */
const SLACK = 20_000;

export type RunProbe = typeof runProbe;

/** Asks once. Ends in any case, `slack` milliseconds after the probe's own timeout at the latest. */
export async function runProbe(
  runtime: Pick<CriRuntime, 'execSync'>,
  probe: Probe,
  target: ProbeTarget,
  slack = SLACK,
): Promise<ProbeOutcome> {
  const limit = (probe.timeoutSeconds ?? 1) * 1000 + slack;
  try {
    return await within(ask(runtime, probe, target), limit, new Error(`no answer within ${limit} ms`));
  } catch (error) {
    return { result: 'failure', output: (error as Error).message };
  }
}

async function ask(runtime: Pick<CriRuntime, 'execSync'>, probe: Probe, target: ProbeTarget): Promise<ProbeOutcome> {
  const seconds = probe.timeoutSeconds ?? 1;
  try {
    if (probe.exec) {
      const command = (probe.exec.command ?? []).map((word) =>
        expand(word, (name) => staticValue(target.container, name)),
      );
      return await runExec(runtime, command, target.containerId, seconds);
    }
    if (probe.httpGet) {
      const { status, body } = await httpGet(probe.httpGet, target, 'kube-probe/1.37', seconds * 1000);
      if (status >= 300 && status < 400) {
        return { result: 'warning', output: `Probe terminated redirects, Response body: ${body}` };
      }
      if (status >= 200 && status < 300) return { result: 'success', output: body };
      return { result: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
    }
    if (probe.tcpSocket) {
      const port = resolvePort(probe.tcpSocket.port, target.container);
      await tcpConnect(probe.tcpSocket.host || target.podIP, port, seconds * 1000);
      return { result: 'success', output: '' };
    }
    if (probe.grpc) {
      const host = target.podIP.includes(':') ? `[${target.podIP}]` : target.podIP;
      const failure = await checkGrpcHealth(`${host}:${probe.grpc.port}`, probe.grpc.service ?? '', seconds * 1000);
      return failure === undefined ? { result: 'success', output: '' } : { result: 'failure', output: failure };
    }
    return { result: 'error', output: 'missing probe handler' };
  } catch (error) {
    const output = (error as Error).message;
    // A connection that is refused or times out is the answer of an unhealthy container; it is not to blame for its spec.
    return { result: error instanceof UnknownPort ? 'error' : 'failure', output };
  }
}

/** As kubelet has it: what the spec says itself; values from elsewhere are empty here. */
function staticValue({ env = [] }: Container, name: string): string | undefined {
  const found = env.findLast((entry) => entry.name === name);
  return found && (found.value ?? '');
}

async function runExec(
  runtime: Pick<CriRuntime, 'execSync'>,
  command: string[],
  containerId: string,
  seconds: number,
): Promise<ProbeOutcome> {
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(containerId, command, seconds);
    const output = (stdout + stderr).slice(0, MAX_OUTPUT);
    return { result: exitCode === 0 ? 'success' : 'failure', output };
  } catch (error) {
    if (hasCode(error, GrpcCode.DeadlineExceeded)) {
      const text = `command timed out: "${command.join(' ')}" timed out after ${seconds}s`;
      return { result: 'failure', output: text };
    }
    return { result: 'error', output: (error as Error).message };
  }
}
