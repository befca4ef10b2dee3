/**
 * Seeds of schedules that found something once, and what it was. `npm test` runs them again. A change of how schedules are drawn makes another schedule of a
 * seed: it stays, and the defect has its own test beside the code that was mended.
 */
export const pastFinds: readonly { readonly seed: string; readonly found: string }[] = [
  { seed: '2/281', found: 'A record cut off in its properties, body and CRC whole, was taken by recovery.' },
  { seed: '3/190', found: 'Waiting for consumers took a refused acknowledgement for one that was given (conformance/kit/workload/stage.ts).' },
  { seed: 'm2/71', found: 'None of the product: a clock that stayed wrong had every pop refused as too late.' },
  { seed: 'm2/384', found: 'None of the product: a message that was sent back is acknowledged without a sync, as Apache does, and a power loss took it.' },
  { seed: 'w2/1446', found: 'None of the product: a power loss that waited for another fault to end was noted when it was due, not when it came.' },
  { seed: 'w2/610', found: 'None of the product: the place of a half was taken for that of its message, and what reached a consumer just after the power loss was not counted.' },
];
