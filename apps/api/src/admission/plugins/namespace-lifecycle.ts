import { forbidden, notFound } from '#apimachinery';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection } from '../rejection.js';

const NAMESPACES = { group: '', resource: 'namespaces' };
const IMMORTAL = ['default', 'kube-system', 'kube-public'];

/** Nothing is created in a namespace that is missing or ending, and some namespaces never end. */
export class NamespaceLifecycle implements AdmissionPlugin {
  readonly name = 'NamespaceLifecycle';

  constructor(private readonly lister: Lister) {}

  handles({ operation, resource }: AdmissionTarget): boolean {
    if (resource.group === '' && resource.resource === 'namespaces') return operation === 'DELETE';
    // Whether a namespace exists is not told to those who only ask what they may do.
    if (resource.group === 'authorization.k8s.io' && resource.resource === 'localsubjectaccessreviews') return false;
    return operation === 'CREATE';
  }

  admit(request: AdmissionRequest): void {
    const { operation, namespace, name } = request;
    if (operation === 'DELETE') {
      if (IMMORTAL.includes(name)) throw forbidden(NAMESPACES, name, 'this namespace may not be deleted');
      return;
    }
    if (namespace === '') return;
    const found = this.lister.get('namespaces', '', namespace);
    if (!found) throw notFound(NAMESPACES, namespace);
    if (found['status']?.phase !== 'Terminating') return;
    const error = rejection(
      request,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    );
    error.status.details!.causes = [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ];
    throw error;
  }
}
