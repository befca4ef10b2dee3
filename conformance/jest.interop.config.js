/** The suites that drive real SDKs and kill brokers: one at a time, each with its own broker. Run after `npm run build`. */
export default {
  rootDir: '..',
  roots: ['<rootDir>/dist/conformance/interop'],
  testMatch: ['**/*.interop.test.js'],
  transform: {},
  testEnvironment: 'node',
  testTimeout: 60_000,
  maxWorkers: 1,
};
