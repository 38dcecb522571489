#!/usr/bin/env node
// A program that logs JSON to `logs` as its own framework does: routing keys with a level, pretty-printed, packed.

const amqp = require('amqplib')
const zlib = require('zlib')

async function main() {
  const connection = await amqp.connect(process.env.LOGBUS_BROKER)
  const channel = await connection.createConfirmChannel()
  const failed = Buffer.from(JSON.stringify({ level: 'error', msg: 'payment failed' }, null, 2))
  const accepted = Buffer.from(JSON.stringify({ level: 'info', msg: 'payment accepted' }, null, 2))
  const json = { contentType: 'application/json; charset=utf-8', timestamp: Math.floor(Date.now() / 1000) - 86400 }
  channel.publish('logs', 'com.acme.Shop.ERROR', failed, json)
  channel.publish('logs', 'shop', zlib.gzipSync(failed), { ...json, contentEncoding: 'gzip' })
  channel.publish('logs', 'com.acme.Shop.INFO', accepted, json)
  await channel.waitForConfirms()
  await connection.close()
}

main()
