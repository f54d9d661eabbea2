import assert from 'node:assert/strict';
import { ANY_EVENT, ClusterEvent } from './cluster-event.js';
import { nativePlugins } from './native.js';
import { SchedulerPlugins } from './scheduler-plugins.js';

const { Flush, NodeAdd, NodeLabel, NodeTaint, ClaimChange, VolumeChange, StorageClassChange, AssignedPodDelete } =
  ClusterEvent;

describe('scheduler plugins', () => {
  it('say in their own files which events can undo their rejection', () => {
    const plugins = nativePlugins();
    for (const [names, expected] of [
      [['NodeName'], NodeAdd],
      [['TaintToleration'], NodeAdd | NodeTaint],
      [['NodeAffinity', 'NodePorts'], NodeAdd | NodeLabel | AssignedPodDelete],
      [['VolumeBinding'], NodeAdd | NodeLabel | ClaimChange | VolumeChange | StorageClassChange],
      [['VolumeRestrictions'], NodeAdd | ClaimChange | AssignedPodDelete],
    ] as const) {
      assert.equal(plugins.eventsThatHelp(names), expected | Flush, names.join());
    }
    assert.equal(plugins.eventsThatHelp([]), ANY_EVENT, 'no plugin is to blame');
  });

  it('say which fields of a pod they read', () => {
    const fields = new SchedulerPlugins([
      { name: 'A', events: [], podFields: ['affinity', 'tolerations'] },
      { name: 'B', events: [], podFields: ['affinity', 'priority'] },
    ]).podFields;
    assert.deepEqual(fields, ['affinity', 'tolerations', 'priority']);
    for (const field of ['nodeSelector', 'containers', 'topologySpreadConstraints', 'priority', 'preemptionPolicy']) {
      assert.ok(nativePlugins().podFields.includes(field), field);
    }
  });

  it('are refused when nothing is known of them', () => {
    const plugins = new SchedulerPlugins([{ name: 'A', events: ['NodeAdd'], podFields: [] }]);
    assert.throws(() => plugins.eventsThatHelp(['A', 'constructor']), /scheduler plugin "constructor" is not declared/);
    assert.throws(
      () => new SchedulerPlugins([{ name: 'A', events: ['NodeVanish'], podFields: [] }]),
      /scheduler plugin "A" waits for the unknown event "NodeVanish"/,
    );
  });
});
