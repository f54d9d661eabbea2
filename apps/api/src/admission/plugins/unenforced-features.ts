import { API_SERVER } from '../../identity/users.js';
import type { Lister } from '../../storage/lister.js';
import type { AdmissionPlugin, AdmissionRequest, AdmissionTarget } from '../admission-request.js';
import { rejection } from '../rejection.js';
import { type Unenforced, unenforced } from '../unenforced.js';

/** Says what is taken and not acted on yet, and refuses the policies among it where that was asked for. No plugin of upstream's. */
export class UnenforcedFeatures implements AdmissionPlugin {
  readonly name = 'UnenforcedFeatures';
  private readonly rows = new Map<string, Unenforced[]>();

  constructor(
    private readonly lister: Lister,
    private readonly refuse: boolean,
    list: readonly Unenforced[] = unenforced,
  ) {
    for (const row of list) {
      for (const resource of row.resources) {
        const rows = this.rows.get(resource);
        if (rows) rows.push(row);
        else this.rows.set(resource, [row]);
      }
    }
  }

  handles({ operation, resource, subresource }: AdmissionTarget): boolean {
    return (operation === 'CREATE' || operation === 'UPDATE') && subresource === '' && this.rows.has(nameOf(resource));
  }

  validate(request: AdmissionRequest): void {
    const { object, oldObject, resource, user } = request;
    if (user.name === API_SERVER) return;
    for (const row of this.rows.get(nameOf(resource)) ?? []) {
      if (row.when?.(object!, this.lister) === false) continue;
      // What is there already may be changed and finalized: it is enforced no less than before.
      const isNew = oldObject === undefined || row.when?.(oldObject, this.lister) === false;
      if (this.refuse && row.policy && isNew) {
        const why = `Berth does not enforce ${row.feature} yet, and this server refuses what it does not enforce`;
        throw rejection(request, why);
      }
      request.warn(row.text);
    }
  }
}

function nameOf({ group, resource }: AdmissionTarget['resource']): string {
  return group === '' ? resource : `${group}/${resource}`;
}
