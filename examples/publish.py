"""An agent in a page: connects with its certificate, publishes a value, hears what became of it, and reads it back.

    pip install paho-mqtt
    python3 examples/publish.py dinrail-dev/dev.json

It takes everything from the dev.json of a running `dinrail dev`, as the first agent that is ready there.
"""

import datetime
import json
import sys
import time
import urllib.request

import paho.mqtt.client as mqtt

with open(sys.argv[1]) as file:
    dev = json.load(file)
agent = dev["agents"][0]
client_id, tenant = agent["client_id"], dev["tenant"]
outbound, inbound = f"tc/{tenant}/{client_id}/o", f"tc/{tenant}/{client_id}/i"

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
client.tls_set(dev["server_ca"], certfile=agent["cert"], keyfile=agent["key"])
client.on_connect = lambda client, *_: client.subscribe(f"{inbound}/mc_v3/d", 1)
client.on_message = lambda client, userdata, message: print("told:", message.payload.decode())
client.on_publish = lambda client, userdata, mid, reason, properties: print("published:", reason)

# The first connect of an agent makes it and is closed; the client comes again by itself.
client.reconnect_delay_set(1, 1)
client.connect_async(dev["mqtts"]["host"], dev["mqtts"]["port"])
client.loop_start()

now = datetime.datetime.now(datetime.timezone.utc).isoformat()
values = [{"dataPointId": "pressure", "value": "6.20", "qualityCode": "0"}, {"dataPointId": "broken", "value": None}]
message = {"timeseries": [{"timestamp": now, "values": values}]}
while not client.is_connected():
    time.sleep(0.05)
client.publish(f"{outbound}/mc_v3/ts", json.dumps(message), qos=1).wait_for_publish(20)

# Acknowledged means stored: it can be read at once.
url = f"{dev['api']['url']}/api/dinrail/v1/agents/{client_id}/datapoints/pressure/samples?order=desc&limit=1"
request = urllib.request.Request(url, headers={"Authorization": f"Bearer {dev['api']['token']}"})
with urllib.request.urlopen(request) as answer:
    print("read:", json.load(answer)["samples"][0])
client.disconnect()
client.loop_stop()
