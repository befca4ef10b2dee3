import base from './jest.config.js';

/** Suites that drive real SDKs and Apache's broker: one at a time, each with its own processes. */
export default {
  ...base,
  roots: ['<rootDir>/dist/conformance'],
  testMatch: ['**/*.interop.test.js'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 300000,
  maxWorkers: 1,
};
