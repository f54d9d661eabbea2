import type { NodeServerOptions } from '../node-server-options.js';
import { type Family, type Measurement, PrometheusText } from './prometheus-text.js';
import type { PodSample, UsageSample } from './samples.js';
import type { Sample } from './stats-source.js';
import { addUp } from './summary.js';

const counter = (name: string, help: string): Family => ({ name, type: 'counter', help });
const gauge = (name: string, help: string): Family => ({ name, type: 'gauge', help });

/** `/metrics/resource`: what metrics-server reads. Names are kubelet's. */
export function resourceMetrics(server: NodeServerOptions, sample: Sample | undefined): string {
  const text = new PrometheusText();
  const pods = sample?.pods ?? [];
  const containers = pods.flatMap((pod) => pod.containers.map((container) => ({ pod, container })));
  const startTimes = containers.flatMap(({ pod, container }): Measurement[] => {
    const state = server.pods.observed(pod.uid)?.containers.find(({ id }) => id === container.id);
    return state ? [{ labels: containerLabels(pod, container.name), value: state.startedAt / 1000 }] : [];
  });
  const podUsage = pods.flatMap((pod) => {
    const usage = pod.usage ?? addUp(pod.containers);
    return usage ? [{ labels: { namespace: pod.namespace, pod: pod.name }, usage }] : [];
  });
  const containerUsage = containers.map(({ pod, container }) => ({
    labels: containerLabels(pod, container.name),
    usage: container as UsageSample,
  }));
  const nodeUsage = sample ? [{ labels: {}, usage: sample.node as UsageSample }] : [];

  text.add(
    counter('container_cpu_usage_seconds_total', 'CPU time that the container has used, in core-seconds'),
    cpu(containerUsage),
  );
  text.add(gauge('container_memory_working_set_bytes', 'Working set of the container'), memory(containerUsage));
  text.add(gauge('container_start_time_seconds', 'When the container started, in seconds since the epoch'), startTimes);
  text.add(counter('node_cpu_usage_seconds_total', 'CPU time that the node has used, in core-seconds'), cpu(nodeUsage));
  text.add(gauge('node_memory_working_set_bytes', 'Working set of the node'), memory(nodeUsage));
  if (sample) {
    const { swap, time } = sample.node;
    text.add(gauge('node_swap_usage_bytes', 'Swap that the node uses'), [{ value: swap.usage, time }]);
  }
  text.add(counter('pod_cpu_usage_seconds_total', 'CPU time that the pod has used, in core-seconds'), cpu(podUsage));
  text.add(gauge('pod_memory_working_set_bytes', 'Working set of the pod'), memory(podUsage));
  text.add(gauge('resource_scrape_error', '1 when the usage could not be read'), [{ value: sample ? 0 : 1 }]);
  return text.toString();
}

/** `/metrics/cadvisor`: the part of cAdvisor's families that dashboards live on. */
export function cadvisorMetrics(
  server: NodeServerOptions,
  sample: Sample,
  machine: { cpus: number; memory: number },
): string {
  const text = new PrometheusText();
  const containers = sample.pods.flatMap((pod) =>
    pod.containers.map((container) => {
      const state = server.pods.observed(pod.uid)?.containers.find(({ id }) => id === container.id);
      const labels = {
        container: container.name,
        id: container.id,
        image: state?.image ?? '',
        name: container.id,
        namespace: pod.namespace,
        pod: pod.name,
      };
      return { labels, usage: container as UsageSample };
    }),
  );
  const traffic = (direction: 'rxBytes' | 'txBytes') =>
    sample.pods.flatMap(({ name, namespace, network }) =>
      (network?.all ?? []).map(
        (usage): Measurement => ({
          labels: { interface: usage.name, namespace, pod: name },
          value: usage[direction],
          time: network!.time,
        }),
      ),
    );
  const bytes = (field: 'usage' | 'rss') =>
    containers.flatMap(({ labels, usage }) =>
      usage.memory ? [{ labels, value: usage.memory[field], time: usage.time }] : [],
    );
  text.add(
    counter('container_cpu_usage_seconds_total', 'CPU time that the container has used, in seconds'),
    cpu(containers.map(({ labels, usage }) => ({ labels: { ...labels, cpu: 'total' }, usage }))),
  );
  text.add(gauge('container_memory_rss', 'Anonymous memory of the container in bytes'), bytes('rss'));
  text.add(gauge('container_memory_usage_bytes', 'Memory of the container, caches included'), bytes('usage'));
  text.add(gauge('container_memory_working_set_bytes', 'Working set of the container'), memory(containers));
  text.add(counter('container_network_receive_bytes_total', 'Bytes that the pod received'), traffic('rxBytes'));
  text.add(counter('container_network_transmit_bytes_total', 'Bytes that the pod sent'), traffic('txBytes'));
  text.add(gauge('machine_cpu_cores', 'Logical processors of the machine'), [{ value: machine.cpus }]);
  text.add(gauge('machine_memory_bytes', 'Memory of the machine'), [{ value: machine.memory }]);
  return text.toString();
}

/** What `/metrics` shows of the node's pods; what the agent counts comes from its registry. */
export function agentMetrics(server: NodeServerOptions): string {
  const text = new PrometheusText();
  const containers: Record<string, number> = { created: 0, exited: 0, running: 0, unknown: 0 };
  let sandboxes = 0;
  for (const pod of server.pods.list()) {
    const observed = server.pods.observed(pod.metadata.uid);
    if (observed?.sandboxes.some(({ ready }) => ready)) sandboxes++;
    for (const { state } of observed?.containers ?? []) containers[state]! += 1;
  }
  text.add(gauge('kubelet_node_name', 'The name of the node; always 1'), [
    { labels: { node: server.nodeName }, value: 1 },
  ]);
  text.add(
    gauge('kubelet_running_containers', 'Containers on the node by state'),
    Object.entries(containers).map(([container_state, value]) => ({ labels: { container_state }, value })),
  );
  text.add(gauge('kubelet_running_pods', 'Pods with a sandbox that runs'), [{ value: sandboxes }]);
  return text.toString();
}

interface Labelled {
  labels: Record<string, string>;
  usage: UsageSample;
}

function cpu(items: readonly Labelled[]): Measurement[] {
  return items.map(({ labels, usage }) => ({ labels, value: usage.cpuNanoseconds / 1e9, time: usage.time }));
}

function memory(items: readonly Labelled[]): Measurement[] {
  return items.flatMap(({ labels, usage }) =>
    usage.memory ? [{ labels, value: usage.memory.workingSet, time: usage.time }] : [],
  );
}

function containerLabels(pod: PodSample, container: string): Record<string, string> {
  return { container, namespace: pod.namespace, pod: pod.name };
}
