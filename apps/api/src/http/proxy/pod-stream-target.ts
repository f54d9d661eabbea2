import { badRequest, type FieldError, field, invalid, type KubeObject, notFound } from '#apimachinery';
import { parseBoolean } from '../../registry/request-options.js';
import type { Lister } from '../../storage/lister.js';

/** Node server paths of log, exec, attach and port-forward, checked as the reference checks them. */

interface Container {
  name: string;
}

/** Undefined: the pod has no node yet, and its log is empty. */
export function logPath(pod: KubeObject, query: URLSearchParams): string | undefined {
  checkLogOptions(query);
  const container = containerOf(pod, query.get('container') ?? '');
  if (!pod.spec?.nodeName) return undefined;
  const passed = new URLSearchParams();
  for (const name of ['follow', 'previous', 'timestamps']) {
    if (parseBoolean(query, name)) passed.set(name, 'true');
  }
  for (const name of ['sinceSeconds', 'sinceTime', 'tailLines', 'limitBytes', 'stream']) {
    const value = query.get(name);
    if (value) passed.set(name, value);
  }
  return withQuery(`/containerLogs/${pod.metadata.namespace}/${pod.metadata.name}/${container}`, passed);
}

/** exec and attach. The node server names the streams as the kubelet does. */
export function executionPath(kind: 'exec' | 'attach', pod: KubeObject, query: URLSearchParams): string {
  const streams = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };
  const passed = new URLSearchParams();
  for (const [name, sent] of Object.entries(streams)) if (parseBoolean(query, name)) passed.set(sent, '1');
  const commands = query.getAll('command');
  if (kind === 'exec' && commands.length === 0) {
    throw badRequest('you must specify at least 1 command for the container');
  }
  if (!passed.has('input') && !passed.has('output') && !passed.has('error')) {
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  }
  const container = containerOf(pod, query.get('container') ?? '');
  const { phase } = pod.status ?? {};
  if (kind === 'exec' && (phase === 'Succeeded' || phase === 'Failed')) {
    throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`);
  }
  requireHost(pod);
  for (const command of commands) passed.append('command', command);
  return withQuery(`/${kind}/${pod.metadata.namespace}/${pod.metadata.name}/${container}`, passed);
}

export function portForwardPath(pod: KubeObject, query: URLSearchParams): string {
  requireHost(pod);
  const passed = new URLSearchParams();
  for (const port of query.getAll('ports').flatMap((item) => item.split(','))) passed.append('port', port);
  return withQuery(`/portForward/${pod.metadata.namespace}/${pod.metadata.name}`, passed);
}

export function findPod(lister: Lister, namespace: string, name: string): KubeObject {
  const pod = lister.get('pods', namespace, name);
  if (!pod) throw notFound({ group: '', resource: 'pods' }, name);
  return pod;
}

function requireHost(pod: KubeObject): void {
  if (!pod.spec?.nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
}

/** The container meant: the one named, or the only one. */
function containerOf(pod: KubeObject, name: string): string {
  const names = (list: Container[] | undefined) => (list ?? []).map((item) => item.name);
  const main = names(pod.spec?.containers);
  const init = names(pod.spec?.initContainers);
  const ephemeral = names(pod.spec?.ephemeralContainers);
  if (name === '') {
    if (main.length === 1) return main[0]!;
    let text = `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${main.join(' ')}]`;
    if (init.length > 0) text += ` or one of the init containers: [${init.join(' ')}]`;
    if (ephemeral.length > 0) text += ` or one of the ephemeral containers: [${ephemeral.join(' ')}]`;
    throw badRequest(text);
  }
  if (![...main, ...init, ...ephemeral].includes(name)) {
    throw badRequest(`container ${name} is not valid for pod ${pod.metadata.name}`);
  }
  return name;
}

function checkLogOptions(query: URLSearchParams): void {
  const problems: FieldError[] = [];
  const atLeast = (name: string, min: number, detail: string) => {
    const value = query.get(name);
    if (value === null || value === '') return;
    if (!/^[+-]?\d+$/.test(value)) {
      throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
    if (Number(value) < min) problems.push(field.invalid(name, Number(value), detail));
  };
  atLeast('tailLines', 0, 'must be greater than or equal to 0');
  atLeast('limitBytes', 1, 'must be greater than 0');
  atLeast('sinceSeconds', 1, 'must be greater than 0');
  if (query.get('sinceSeconds') && query.get('sinceTime')) {
    problems.push(field.forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  }
  if (problems.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, '', problems);
}

function withQuery(path: string, query: URLSearchParams): string {
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
