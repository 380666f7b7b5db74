/* address.c - addresses as text and back */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/un.h>

#include "task/run.h"

/* What is parsed is shown again in one way. */
TEST(addresses_go_from_text_to_text)
{
	static const char *const texts[][2] = {
		{ "127.0.0.1:80", "127.0.0.1:80" },
		{ "0.0.0.0:0", "0.0.0.0:0" },
		{ "255.255.255.255:65535", "255.255.255.255:65535" },
		{ "1.2.3.4:00080", "1.2.3.4:80" },
		{ "[::1]:80", "[::1]:80" },
		{ "[0:0:0:0:0:0:0:1]:80", "[::1]:80" },
		{ "[2001:DB8::A]:443", "[2001:db8::a]:443" },
		{ "[::ffff:1.2.3.4]:80", "1.2.3.4:80" },
		{ ":80", "[::]:80" },
		{ "*:80", "[::]:80" },
		{ "unix:/run/x", "unix:/run/x" },
		{ "unix:x y:z", "unix:x y:z" },
		{ "unix:@abstract", "unix:@abstract" },
	};
	struct rota_address address;
	char text[128];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		CHECK_EQ(rota_address_parse(&address, texts[i][0]), 0);
		CHECK_EQ(rota_address_name(&address, text, sizeof text), (long long)strlen(texts[i][1]));
		CHECK_STR(text, texts[i][1]);
	}
}

TEST(what_is_no_address_is_refused_and_writes_nothing)
{
	static const char *const texts[] = { "", ":", "80", "1.2.3.4", "1.2.3.4:", "1.2.3:80", "1.2.3.4.5:80",
		"256.1.1.1:80", "1.2.3.4:65536", "1.2.3.4:100000", "1.2.3.4:8x", "1.2.3.4:-1", "1.2.3.4: 80", "::1:80",
		"[::1:80", "::1]:80", "[]:80", "[:::]:80", "[::1]80", "[1.2.3.4]:80", "localhost:80", "**:80", "unix:",
		" 1.2.3.4:80", "[::1]:", "[12345::]:80" };
	struct rota_address address;

	memset(&address, 0x5a, sizeof address);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (rota_address_parse(&address, texts[i]) != -EINVAL)
			test_fail(__FILE__, __LINE__, "\"%s\" is not refused", texts[i]);
	for (size_t i = 0; i < sizeof address; i++)
		CHECK_EQ(((unsigned char *)&address)[i], 0x5a);
}

TEST(an_address_has_the_systems_form)
{
	struct rota_address address;
	struct sockaddr_in *in = (struct sockaddr_in *)&address.storage;
	struct sockaddr_un *un = (struct sockaddr_un *)&address.storage;

	CHECK_EQ(rota_address_parse(&address, "1.2.3.4:258"), 0);
	CHECK_EQ(address.size, sizeof *in);
	CHECK_EQ(in->sin_family, AF_INET);
	CHECK_EQ(in->sin_port, htons(258));
	CHECK_EQ(in->sin_addr.s_addr, htonl(0x01020304));
	CHECK_EQ(rota_address_parse(&address, "unix:@ab"), 0);
	CHECK_EQ(address.size, offsetof(struct sockaddr_un, sun_path) + 3);
	CHECK(memcmp(un->sun_path, "\0ab", 3) == 0);
}

TEST(a_zone_is_an_interface_that_exists)
{
	struct rota_address address;
	char text[64];

	CHECK_EQ(rota_address_parse(&address, "[fe80::1%no-such-if]:80"), -ENODEV);
	if (if_nametoindex("lo") == 0)
		SKIP("no lo here");
	CHECK_EQ(rota_address_parse(&address, "[fe80::1%lo]:80"), 0);
	CHECK_EQ(((struct sockaddr_in6 *)&address.storage)->sin6_scope_id, if_nametoindex("lo"));
	rota_address_name(&address, text, sizeof text);
	CHECK_STR(text, "[fe80::1%lo]:80");
}

TEST(a_path_may_be_as_long_as_the_system_takes_and_no_longer)
{
	struct rota_address address;
	char text[200] = "unix:", back[200];
	const size_t most = sizeof ((struct sockaddr_un *)0)->sun_path - 1;

	memset(text + 5, 'p', most);
	text[5 + most] = '\0';
	CHECK_EQ(rota_address_parse(&address, text), 0);
	rota_address_name(&address, back, sizeof back);
	CHECK_STR(back, text);
	strcat(text, "p");
	CHECK_EQ(rota_address_parse(&address, text), -ENAMETOOLONG);
}

TEST(a_name_that_does_not_fit_is_cut_and_its_length_told)
{
	struct rota_address address;
	char text[8];

	CHECK_EQ(rota_address_parse(&address, "127.0.0.1:4711"), 0);
	CHECK_EQ(rota_address_name(&address, text, sizeof text), 14);
	CHECK_STR(text, "127.0.0");
	CHECK_EQ(rota_address_name(&address, NULL, 0), 14);
	address.storage.ss_family = AF_UNSPEC;
	CHECK_EQ(rota_address_name(&address, text, sizeof text), -EAFNOSUPPORT);
	CHECK_STR(text, "");
}
