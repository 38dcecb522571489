#!/usr/bin/env node
// A program that knows nothing of Logbus: the one line that matters, in the callback boilerplate of RabbitMQ's tutorials.

var amqp = require('amqplib/callback_api');

amqp.connect(process.env.LOGBUS_BROKER, function(error0, connection) {
  if (error0) {
    throw error0;
  }
  connection.createChannel(function(error1, channel) {
    if (error1) {
      throw error1;
    }

    channel.publish('logs', '', Buffer.from('Hello World!'))

    console.log(" [x] Sent Hello World!");
  });

  setTimeout(function() {
    connection.close();
    process.exit(0);
  }, 500);
});
