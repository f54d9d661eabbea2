import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Views for people: objects as jsonb. */
export class Views1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(AS_JSON);
    await runner.query(OBJECTS);
    await runner.query(HISTORY);
    for (const [view, resource] of Object.entries(RESOURCES)) await runner.query(resourceView(view, resource));
  }

  async down(runner: QueryRunner): Promise<void> {
    const views = [...Object.keys(RESOURCES), 'objects', 'history'].map((view) => `berth.${view}`);
    await runner.query(`DROP VIEW ${views.join(', ')}`);
    await runner.query('DROP FUNCTION berth.as_json');
  }
}

/** NULL for what is not JSON text (ciphertext); jsonb refuses \\u0000, so that is shown as the replacement character. */
const AS_JSON = `
CREATE FUNCTION berth.as_json(body bytea, revision bigint) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  version jsonb := jsonb_build_object('metadata', jsonb_build_object('resourceVersion', revision::text));
  text_body text;
  object jsonb;
BEGIN
  BEGIN
    text_body := convert_from(body, 'UTF8');
    object := text_body::jsonb;
  EXCEPTION
    WHEN untranslatable_character THEN
      object := replace(replace(replace(text_body, '\\\\', E'\\x01'), '\\u0000', '\\ufffd'), E'\\x01', '\\\\')::jsonb;
    WHEN others THEN
      RETURN NULL;
  END;
  RETURN jsonb_set(object, '{metadata,resourceVersion}', version #> '{metadata,resourceVersion}');
END
$$`;

const OBJECTS = `
CREATE VIEW berth.objects AS
SELECT resource, namespace, name, uid, revision, berth.as_json(body, revision) AS object
  FROM berth.object`;

const HISTORY = `
CREATE VIEW berth.history AS
SELECT revision, at, CASE type WHEN 1 THEN 'ADDED' WHEN 2 THEN 'MODIFIED' ELSE 'DELETED' END AS type,
       resource, namespace, name, uid, nullif(previous, 0) AS previous, berth.as_json(body, revision) AS object
  FROM berth.change
 WHERE resource NOT IN ('coordination.k8s.io/leases', 'events', 'events.k8s.io/events')`;

const RESOURCES: Record<string, string> = {
  configmaps: 'configmaps',
  cronjobs: 'batch/cronjobs',
  daemonsets: 'apps/daemonsets',
  deployments: 'apps/deployments',
  endpointslices: 'discovery.k8s.io/endpointslices',
  events: 'events',
  jobs: 'batch/jobs',
  leases: 'coordination.k8s.io/leases',
  namespaces: 'namespaces',
  nodes: 'nodes',
  persistentvolumeclaims: 'persistentvolumeclaims',
  persistentvolumes: 'persistentvolumes',
  pods: 'pods',
  replicasets: 'apps/replicasets',
  secrets: 'secrets',
  serviceaccounts: 'serviceaccounts',
  services: 'services',
  statefulsets: 'apps/statefulsets',
};

function resourceView(view: string, resource: string): string {
  return `
CREATE VIEW berth.${view} AS
SELECT o.namespace, o.name, o.object -> 'metadata' -> 'labels' AS labels, o.object -> 'spec' AS spec,
       o.object -> 'status' AS status, o.revision, o.object
  FROM (SELECT namespace, name, revision, berth.as_json(body, revision) AS object
          FROM berth.object WHERE resource = '${resource}' OFFSET 0) o`;
}
