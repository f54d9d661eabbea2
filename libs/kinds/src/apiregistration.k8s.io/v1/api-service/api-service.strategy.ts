import type { KindStrategy } from '../../../contract/kind-module.js';
import type { APIService } from '../../../generated/types.js';
import { timeText } from '../../../strategy/metadata.js';

export const apiServiceStrategy: KindStrategy = {
  prepareForCreate(service: APIService, { now }) {
    if (service.spec?.service !== undefined) return;
    const available = {
      type: 'Available',
      status: 'True',
      lastTransitionTime: timeText(now),
      reason: 'Local',
      message: 'Local APIServices are always available',
    };
    service.status = { conditions: [available] };
  },
};
