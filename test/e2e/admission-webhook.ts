// A webhook that runs in a pod: HTTPS on port 8443 with the pair in CERTIFICATE and KEY. It labels what it is asked to mutate, and
// refuses what has the label `refuse`.
import { createServer } from 'node:https';
import { json } from 'node:stream/consumers';

const { CERTIFICATE: cert, KEY: key, POD_NAME: pod } = process.env;

createServer({ cert, key }, async (request, response) => {
  if (request.method !== 'POST') {
    response.end('ready');
    return;
  }
  const { request: review } = (await json(request)) as { request: any };
  const labels = review.object?.metadata.labels ?? {};
  const patch = [{ op: 'add', path: '/metadata/labels', value: { ...labels, 'seen-by': pod } }];
  const answer = request.url!.startsWith('/mutate')
    ? { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
    : { allowed: labels.refuse === undefined, status: { code: 403, message: 'as it asks for' } };
  response.setHeader('Content-Type', 'application/json');
  response.end(
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: review.uid, ...answer },
    }),
  );
}).listen(8443);
